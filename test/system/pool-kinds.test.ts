// One life of an instance in each kind of pool: a folder on ext4, btrfs and xfs, plain copies, and a btrfs pool of its own.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages, fingerprintOf } from "../helpers/images.ts";
import { act, forceStop, importImage, launch, sh } from "../helpers/instances.ts";
import { loopFiles, remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

const prefix = `kind${process.pid}`;
const [one, two] = [`${prefix}-1`, `${prefix}-2`];
let daemon: Daemon;

/** A btrfs that is not Berth's. */
const placeOf = (host: Daemon) => `${dirname(host.dir)}/place`;

/** Makes a file system in a file and mounts it where a pool's folder will be. */
async function makePlace(host: Daemon, kind: "btrfs" | "xfs", options: string[]): Promise<void> {
  const [file, folder] = [`${host.dir}/${kind}.disk`, `${host.dir}/storage-pools/on-${kind}`];
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  for (const command of [["truncate", "-s", "400M", file], [`mkfs.${kind}`, ...options, file], ["mount", "-o", "loop", file, folder]] as [string, ...string[]][]) {
    const { code, stderr } = await host.inNamespace(...command);
    assert.equal(code, 0, `${command.join(" ")}: ${stderr}`);
  }
}

before(async () => {
  daemon = await startDaemon({
    prepare: async (host) => {
      await makePlace(host, "btrfs", ["-q"]);
      await makePlace(host, "xfs", ["-q", "-m", "reflink=1"]);
      mkdirSync(`${placeOf(host)}/sub`, { recursive: true });
      await host.inNamespace("mount", "--bind", `${host.dir}/storage-pools/on-btrfs`, placeOf(host));
      await host.inNamespace("mkdir", `${placeOf(host)}/sub`);
    },
  });
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  const pools = [
    { name: "on-btrfs", driver: "dir" }, { name: "on-xfs", driver: "dir" }, { name: "own", driver: "btrfs", config: { size: "400MiB" } },
    { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } },
  ];
  for (const pool of pools) await daemon.must("POST", "/1.0/storage-pools", pool);
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
});

const urlOf = (name: string) => `/1.0/instances/${name}`;
const inPool = (pool: string) => ({ devices: { root: { type: "disk", path: "/", pool } } });
/** A pool's folder, as the daemon sees it. */
const folderOf = (pool: string) => `/proc/${daemon.pid}/root${daemon.dir}/storage-pools/${pool}`;
const foldersOf = (pool: string) => ["layers", "snapshots", "trash"].flatMap((folder) => readdirSync(`${folderOf(pool)}/${folder}`));
const subvolumes = (pool: string) => readdirSync(`${folderOf(pool)}/layers`).filter((id) => statSync(`${folderOf(pool)}/layers/${id}`).ino === 256);

/** Makes files of every kind, and says of files what a guest sees of them. */
const fill = `set -e; cd /home; echo one > a; ln a b; ln -s a c; mkfifo p; chown 1000:1000 a; chmod 4750 a; mkdir -m 1777 d; rm -r /home/user;
  mv /usr/share/berth /usr/share/moved; mkdir /usr/share/berth; echo new > /usr/share/berth/readme; dd if=/dev/zero of=sparse bs=1 count=1 seek=50M 2>/dev/null`;
const look = `cd /home; echo $(cat a) $(stat -c %u:%a:%h a) $(readlink c) $([ -p p ] && echo pipe) $(stat -c %a d) $([ -e user ] || echo gone) \
  $(cat /usr/share/berth/readme) $([ -e /usr/share/moved/readme ] && echo moved) $(stat -c %s sparse) $([ $(stat -c %b sparse) -lt 100 ] && echo sparse)`;
const seen = "one 1000:4750:2 a pipe 1777 gone new moved 52428801 sparse";

for (const pool of ["default", "on-btrfs", "on-xfs", "copies", "own"]) {
  test(`a life in the pool ${pool}: snapshots, a copy, going back, a new start of the daemon`, async () => {
    await launch(daemon, one, inPool(pool));
    await sh(daemon, one, fill);
    await daemon.must("POST", `${urlOf(one)}/snapshots`, { name: "running" });
    await sh(daemon, one, "rm -r /home/* /usr/share/*; echo two > /home/a");
    await forceStop(daemon, one);
    await daemon.must("POST", `${urlOf(one)}/snapshots`, { name: "stopped" });
    await daemon.must("PUT", urlOf(one), { restore: "running" });
    await act(daemon, one, "start");
    assert.equal(await sh(daemon, one, look), seen);
    await daemon.must("POST", "/1.0/instances", { name: two, source: { type: "copy", source: one } });
    await daemon.must("PUT", urlOf(one), { restore: "stopped" });
    assert.equal(await sh(daemon, one, "cat /home/a"), "two");
    await daemon.must("DELETE", urlOf(one)).catch(() => {}); // it runs
    await daemon.restart();
    await act(daemon, two, "start");
    assert.equal(await sh(daemon, two, look), seen);
    await daemon.deleteInstances();
    await eventually(() => foldersOf(pool).length === 0, { what: `nothing is left in ${pool}: ${foldersOf(pool)}` });
  });
}

for (const pool of ["on-btrfs", "on-xfs", "own"]) {
  test(`snapshots of a running guest share the data in the pool ${pool}`, async () => {
    await launch(daemon, one, inPool(pool));
    await sh(daemon, one, "dd if=/dev/urandom of=/home/large bs=1M count=120 2>/dev/null; sync");
    for (const name of ["s0", "s1", "s2"]) await daemon.must("POST", `${urlOf(one)}/snapshots`, { name }); // four of them have no room beside each other
    await daemon.must("POST", "/1.0/instances", { name: two, source: { type: "copy", source: `${one}/s1` } });
    await act(daemon, two, "start");
    assert.equal(await sh(daemon, two, "sha1sum < /home/large"), await sh(daemon, one, "sha1sum < /home/large"));
  });
}

for (const pool of ["on-btrfs", "own"]) {
  test(`layers of the pool ${pool} are subvolumes`, async () => {
    await launch(daemon, one, inPool(pool));
    await daemon.must("POST", `${urlOf(one)}/snapshots`, { name: "s0" });
    assert.equal(subvolumes(pool).length, 2);
  });
}

test("a btrfs pool is mounted again after the machine has started, tells its size, and goes with its file", async () => {
  const folder = `${daemon.dir}/storage-pools/own`;
  await launch(daemon, one, inPool("own"));
  await sh(daemon, one, "echo kept > /home/a");
  await forceStop(daemon, one);
  await daemon.stop();
  for (const path of [`${folder}/containers/${one}/rootfs`, folder]) await daemon.inNamespace("umount", path);
  await daemon.start();
  await act(daemon, one, "start");
  assert.equal(await sh(daemon, one, "cat /home/a"), "kept");
  const { space } = await daemon.must("GET", "/1.0/storage-pools/own/resources");
  assert.equal(space.total, 400 * 2 ** 20);
  const { config, status, used_by: users } = await daemon.must("GET", "/1.0/storage-pools/own");
  assert.deepEqual([config.source, config.size, status, users], [`${daemon.dir}/disks/own.img`, "400MiB", "Created", [`/1.0/images/${fingerprintOf((await busyboxImages()).unified)}`, urlOf(one)]]);
  assert.equal((await daemon.request("DELETE", "/1.0/storage-pools/own")).status, 400);
  await daemon.must("PUT", "/1.0/storage-pools/own", { config: { "user.a": "1" } });
  assert.equal((await daemon.request("PATCH", "/1.0/storage-pools/own", { config: { size: "1GiB" } })).status, 400);
  await daemon.deleteInstances();
  await daemon.must("DELETE", "/1.0/storage-pools/own");
  assert.deepEqual([existsSync(folder), existsSync(config.source), loopFiles(daemon).filter((file) => file.includes("/disks/"))], [false, false, []]);
});

test("a btrfs pool lies in a folder that is on one; what cannot be one is refused", async () => {
  const folder = `${daemon.dir}/storage-pools/on-btrfs`;
  const make = (config: object, driver = "btrfs") => daemon.must("POST", "/1.0/storage-pools", { name: "other", driver, config });
  await assert.rejects(make({ source: "/nowhere" }), /is not there/);
  await assert.rejects(make({ source: "/tmp" }), /does not lie on a btrfs/);
  await assert.rejects(make({ source: folder }), /Invalid value for "source"/);
  await assert.rejects(make({ source: "relative" }), /Invalid value for "source"/);
  await assert.rejects(make({ size: "1MiB" }), /mkfs\.btrfs failed/);
  await assert.rejects(make({ size: "1GiB" }, "dir"), /Invalid value for "size"/);
  await make({ source: `${placeOf(daemon)}/sub` });
  await launch(daemon, one, inPool("other"));
  await daemon.deleteInstances();
  await daemon.must("DELETE", "/1.0/storage-pools/other");
  assert.equal((await daemon.inNamespace("ls", `${placeOf(daemon)}/sub`)).stdout, "");
  assert.deepEqual([existsSync(`${daemon.dir}/storage-pools/other`), readdirSync(`${daemon.dir}/disks`)], [false, []]);
});
