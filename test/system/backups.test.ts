// Backups: what goes into a tarball comes out of it, with LXD's layout, of running and stopped instances, in every kind of pool.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, forceStop, importImage, launch, listen, sh } from "../helpers/instances.ts";
import { remains } from "../helpers/remains.ts";
import { eventually, pause } from "../helpers/wait.ts";

const prefix = `bak${process.pid}`;
const [one, two] = [`${prefix}-1`, `${prefix}-2`];
let daemon: Daemon;
let folder: string;

before(async () => {
  daemon = await startDaemon();
  folder = `${daemon.dir}/..`;
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await daemon.must("POST", "/1.0/storage-pools", { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } });
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
  assert.deepEqual(readdirSync(`${daemon.dir}/backups`), []);
  for (const pool of ["default", "copies"]) await eventually(() => foldersOf(pool).length === 0, { what: `nothing is left in ${pool}: ${foldersOf(pool)}` });
});

const urlOf = (name: string) => `/1.0/instances/${name}`;
const foldersOf = (pool: string) => ["layers", "snapshots", "trash"].flatMap((name) => readdirSync(`${daemon.dir}/storage-pools/${pool}/${name}`));
const octets = { "content-type": "application/octet-stream" };
const exists = async (url: string) => (await daemon.request("GET", url)).status === 200;

/** An instance with a snapshot, and files of all kinds; it runs. */
async function makeSource(pool = "default"): Promise<void> {
  await launch(daemon, one, { config: { "user.a": "1" }, devices: { root: { type: "disk", path: "/", pool } } });
  await sh(daemon, one, "echo first > /home/state; chown 1000:1000 /home/state; chmod 640 /home/state; ln /home/state /home/hard; ln -s ../state /home/soft");
  await daemon.must("POST", `${urlOf(one)}/snapshots`, { name: "s0,\\odd", expires_at: "2100-01-02T03:04:05Z" });
  await sh(daemon, one, "echo second > /home/state; rm /bin/base64; mkfifo /home/fifo; truncate -s 50M /home/sparse; chmod 4755 /home/sparse; mkdir -m 1777 /home/sticky");
  await execOk("setfattr", ["-n", "user.note", "-v", "kept", `/proc/${await pidOf(one)}/root/home/state`]);
}

/** Puts a file of many random bytes into an instance, as its root. */
async function fill(daemon: Daemon, root: string, size: string): Promise<void> {
  const script = 'cd "$0" && exec setpriv --reuid=1000000 --regid=1000000 --clear-groups sh -c \'exec head -c "$0" /dev/urandom > home/big\' "$1"';
  const { code, stderr } = await daemon.inNamespace("sh", "-c", script, root, size);
  assert.equal(code, 0, stderr);
}

const pidOf = async (name: string) => (await daemon.must("GET", `${urlOf(name)}/state`)).pid;

const look = "cd /home; echo $(cat state hard) $(stat -c %u:%g:%a:%h state) $(readlink soft) $(stat -c %F:%a:%s fifo sparse sticky | tr ' ' _) $(ls /bin/base64 2>&1 | grep -c No); hostname";
const secondState = "second second 1000:1000:640:2 ../state fifo:644:0 regular_file:4755:52428800 directory:1777:4096 1";

async function exportTo(file: string, name: string, body: object = {}): Promise<void> {
  const { resources } = await daemon.must("POST", `${urlOf(name)}/backups`, body);
  const backup = `${urlOf(name)}/backups/${resources.backups[0].split("/").at(-1)}`;
  await execOk("curl", ["-sSf", "--unix-socket", daemon.socket, "-o", file, `http://b${backup}/export`]);
  await daemon.must("DELETE", backup);
}

function importFrom(file: string, headers: Record<string, string> = {}): Promise<unknown> {
  return daemon.must("POST", "/1.0/instances", readFileSync(file), { headers: { ...octets, ...headers } });
}

for (const [from, to] of [["default", "default"], ["default", "copies"], ["copies", "default"]] as const) {
  test(`a running instance goes from ${from} through a backup to ${to}, with its snapshot`, async () => {
    await makeSource(from);
    const before = await daemon.must("GET", urlOf(one));
    const snapshot = await daemon.must("GET", `${urlOf(one)}/snapshots/s0,%5Codd`);
    await exportTo(`${folder}/a.tar.zst`, one, { compression_algorithm: "zstd -1", optimized_storage: true });
    assert.equal((await daemon.must("GET", urlOf(one))).status, "Running");
    await assert.rejects(importFrom(`${folder}/a.tar.zst`), /already exists/);
    await importFrom(`${folder}/a.tar.zst`, { "x-lxd-name": two, "x-lxd-pool": to });
    const made = await daemon.must("GET", urlOf(two));
    assert.deepEqual([made.config["user.a"], made.devices.root.pool, made.created_at], ["1", to, before.created_at]);
    for (const key of ["volatile.uuid", "volatile.eth0.hwaddr"]) assert.notEqual(made.config[key], before.config[key], key);
    const came = await daemon.must("GET", `${urlOf(two)}/snapshots/s0,%5Codd`);
    assert.deepEqual([came.created_at, came.expires_at], [snapshot.created_at, snapshot.expires_at]);
    await act(daemon, two, "start");
    assert.equal(await sh(daemon, two, look), `${secondState}\n${two}`);
    assert.match(await execOk("getfattr", ["--only-values", "-n", "user.note", `/proc/${await pidOf(two)}/root/home/state`]), /^kept/);
    await forceStop(daemon, two);
    await daemon.must("PUT", urlOf(two), { restore: "s0,\\odd" });
    await act(daemon, two, "start");
    assert.equal(await sh(daemon, two, "cat /home/state /home/hard; stat -c %h:%u /home/state; ls /bin/base64"), "first\nfirst\n2:1000\n/bin/base64");
  });
}

test("the tarball has LXD's layout, whatever compresses it, and the guest's own ids", async () => {
  await makeSource("copies");
  for (const [algorithm, magic] of [["none", "626163"], ["gzip", "1f8b08"], ["xz", "fd377a"], ["bzip2", "425a68"]] as const) {
    await exportTo(`${folder}/b.tar`, one, { compression_algorithm: algorithm, instance_only: algorithm !== "none" });
    assert.equal(readFileSync(`${folder}/b.tar`).subarray(0, 3).toString("hex"), magic, algorithm);
    const stdout = await execOk("tar", ["-tvf", `${folder}/b.tar`, "--numeric-owner"]);
    const names = stdout.trim().split("\n").map((line) => line.replace(/^(?:\S+\s+){5}/, "").replace(/ (->|link to) .*/, ""));
    assert.equal(names[0], "backup/index.yaml");
    assert.equal(names.some((name) => name.startsWith("backup/snapshots/")), algorithm === "none");
    for (const name of ["backup.yaml", "metadata.yaml", "rootfs/", "rootfs/home/state"]) assert.ok(names.includes(`backup/container/${name}`), name);
    assert.match(stdout, / 1000\/1000 .*backup\/container\/rootfs\/home\/state/);
  }
});

test("an instance moves back into its place: what makes it itself comes with it", async () => {
  const source = await createStopped();
  await exportTo(`${folder}/c.tar.gz`, one);
  await daemon.must("DELETE", urlOf(one));
  await importFrom(`${folder}/c.tar.gz`);
  const made = await daemon.must("GET", urlOf(one));
  for (const key of ["volatile.uuid", "volatile.eth0.hwaddr", "volatile.base_image"]) assert.equal(made.config[key], source.config[key], key);
  await act(daemon, one, "start");
  assert.equal(await sh(daemon, one, "hostname; cat /home/state"), `${one}\nhere`);
});

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
async function createStopped(): Promise<any> {
  await create(daemon, one);
  await daemon.must("POST", `${urlOf(one)}/files?path=/home/state`, "here", { headers: octets });
  return daemon.must("GET", urlOf(one));
}

test("backups are told of, expire and go with their instance", async () => {
  await createStopped();
  await using listener = await listen(daemon);
  await daemon.must("POST", `${urlOf(one)}/backups`, { name: "old", expires_at: new Date(Date.now() - 1000).toISOString() });
  await daemon.must("POST", `${urlOf(one)}/backups`, {});
  const { resources } = await daemon.must("POST", `${urlOf(one)}/backups`, {});
  assert.deepEqual(resources.backups, ["/1.0/backups/backup1"]);
  await assert.rejects(daemon.must("POST", `${urlOf(one)}/backups`, { name: "old" }), /Backup "old" already exists/);
  await assert.rejects(daemon.must("POST", `${urlOf(one)}/backups`, { name: "a/b" }), /Backup names may not contain slashes/);
  await eventually(() => listener.actions(`${one}/backups/backup1`).includes("instance-backup-created"), { what: "the backup is told of" });
  await daemon.restart();
  assert.deepEqual(await daemon.must("GET", `${urlOf(one)}/backups`), [`${urlOf(one)}/backups/backup0`, `${urlOf(one)}/backups/backup1`]);
  assert.equal(readdirSync(`${daemon.dir}/backups`).length, 2);
});

test("the stock client exports and imports", async () => {
  await createStopped();
  const lxc = async (...args: string[]) => {
    const { stdout, stderr, code } = await daemon.lxc(...args);
    assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  await lxc("snapshot", one, "s0");
  await lxc("export", one, `${folder}/d.tar.gz`, "-q");
  assert.deepEqual(await daemon.must("GET", `${urlOf(one)}/backups`), []);
  await lxc("import", `${folder}/d.tar.gz`, two, "-q", "-s", "copies");
  assert.equal(await lxc("list", two, "-c", "nsS", "-f", "csv"), `${two},STOPPED,1\n`);
  const again = await daemon.lxc("import", `${folder}/d.tar.gz`, "-q");
  assert.match(again.stderr, /already exists/);
});

test("a backup that is cancelled, whose instance is deleted, or whose daemon is killed leaves nothing", async () => {
  await create(daemon, one);
  await fill(daemon, `${daemon.dir}/storage-pools/default/containers/${one}/rootfs`, "60m");
  const begin = async () => {
    const { json } = await daemon.request("POST", `${urlOf(one)}/backups`, { compression_algorithm: "xz -9" });
    await pause(200);
    return json.operation as string;
  };
  const operation = await begin();
  await assert.rejects(daemon.must("POST", `${urlOf(one)}/backups`, {}), /is being backed up already/);
  await daemon.must("DELETE", operation);
  await eventually(async () => readdirSync(`${daemon.dir}/backups`).length === 0, { what: "the file is gone" });
  await begin();
  await daemon.kill9();
  await daemon.start();
  assert.deepEqual([await daemon.must("GET", `${urlOf(one)}/backups`), readdirSync(`${daemon.dir}/backups`)], [[], []]);
  await begin();
  await daemon.must("DELETE", urlOf(one));
});

test("an import that is killed or cut off leaves nothing", async () => {
  await makeSource();
  await exportTo(`${folder}/e.tar`, one, { compression_algorithm: "none" });
  const whole = readFileSync(`${folder}/e.tar`);
  for (const delay of [5, 40, 120]) {
    const importing = importFrom(`${folder}/e.tar`, { "x-lxd-name": two }).catch(() => {});
    await pause(delay);
    await daemon.kill9();
    await importing;
    await daemon.start();
    if (await exists(urlOf(two))) await daemon.must("DELETE", urlOf(two));
  }
  for (const part of [0.001, 0.3, 0.99]) {
    writeFileSync(`${folder}/f.tar`, whole.subarray(0, Math.floor((whole.length * part) / 512) * 512));
    await assert.rejects(importFrom(`${folder}/f.tar`, { "x-lxd-name": two }), /Backup is not usable|truncated/);
    assert.equal(await exists(urlOf(two)), false);
  }
});

test("what is no backup, or a bad one, is refused", async () => {
  await createStopped();
  await exportTo(`${folder}/g.tar`, one, { compression_algorithm: "none" });
  const work = `${folder}/work`;
  await execOk("mkdir", ["-p", work]);
  await execOk("tar", ["-C", work, "-xf", `${folder}/g.tar`]);
  const index = readFileSync(`${work}/backup/index.yaml`, "utf8");
  const tryIndex = async (text: string, expected: RegExp, ...more: string[]) => {
    writeFileSync(`${work}/backup/index.yaml`, text);
    await execOk("tar", ["-C", work, "-cf", `${folder}/h.tar`, ...more, "backup/index.yaml", "backup/container"]);
    await assert.rejects(importFrom(`${folder}/h.tar`, { "x-lxd-name": two }), expected);
    assert.equal(await exists(urlOf(two)), false);
  };
  await tryIndex(index.replace("optimized: false", "optimized: true"), /format of a storage driver/);
  await tryIndex(index.replace("type: container", "type: virtual-machine"), /"virtual-machine" are not supported/);
  await tryIndex(index.replace("name:", "snapshots: ['..']\nname:"), /says nothing of the snapshot/);
  await tryIndex(index.replace(/^ {4}config:\n/m, "    config:\n      raw.lxc: lxc.rootfs.path=/\n"), /raw\.lxc/);
  await tryIndex(index.replace(/^ {4}config:\n/m, "    config:\n      no.such.key: 1\n"), /Unknown configuration key/);
  await tryIndex(`a: &a [1, 1]\nb: [*a, *a]\n${index}`, /not valid YAML/);
  await tryIndex("[]", /is not a map/);
  await tryIndex(index, /does not belong into a backup/, "--transform=s,^backup/container/metadata,backup/other/metadata,");
  await tryIndex(index, /does not belong into a backup/, "--transform=s,^backup/container/metadata,../../x/metadata,");
  await tryIndex(index, /cannot be unpacked|does not belong/, "--transform=s,rootfs/home/state,../../../../../tmp/berth-escaped,");
  assert.equal(existsSync("/tmp/berth-escaped"), false);
  await execOk("rm", ["-r", `${work}/backup/container/rootfs`]);
  await execOk("ln", ["-s", "/", `${work}/backup/container/rootfs`]);
  await tryIndex(index, /cannot be unpacked/);
  for (const [bytes, expected] of [["", /no tarball/], ["x".repeat(2000), /no tarball/], [readFileSync("/bin/true"), /no tarball/]] as const) {
    await assert.rejects(daemon.must("POST", "/1.0/instances", Buffer.from(bytes), { headers: octets }), expected);
  }
});

for (const pool of ["default", "copies"]) {
  test(`owners that an old LXD left shifted are the guest's own in the pool ${pool}`, async () => {
    await createStopped();
    await exportTo(`${folder}/i.tar`, one, { compression_algorithm: "none" });
    const map = JSON.stringify([{ Isuid: true, Isgid: false, Hostid: 2_000_000, Nsid: 0, Maprange: 65536 }, { Isuid: false, Isgid: true, Hostid: 2_000_000, Nsid: 0, Maprange: 65536 }]);
    const script = `rm -rf "$0/shifted"; mkdir "$0/shifted"; cd "$0/shifted"; tar -xf ../i.tar; chown -hR 2000000:2000000 backup/container/rootfs; chown 2001234:2000005 backup/container/rootfs/home/state
      sed -i "s/^\\( *volatile.last_state.idmap:\\).*/\\1 '$1'/" backup/index.yaml; tar -cf ../j.tar --numeric-owner backup/index.yaml backup/container; rm -rf "$0/shifted"`;
    await execOk("bash", ["-euc", script, folder, map]);
    await importFrom(`${folder}/j.tar`, { "x-lxd-name": two, "x-lxd-pool": pool });
    await act(daemon, two, "start");
    assert.equal(await sh(daemon, two, "stat -c %u:%g /home/state /home; cat /home/state"), "1234:5\n0:0\nhere");
  });
}

test("on a full disk neither a backup nor an import stays half-made", async () => {
  await createStopped();
  await exportTo(`${folder}/k.tar`, one, { compression_algorithm: "none" });
  for (const place of ["backups", "storage-pools/small"]) {
    const { code, stderr } = await daemon.inNamespace("sh", "-c", 'mkdir -p "$0" && mount -t tmpfs -o size=1m,mode=711 tmpfs "$0"', `${daemon.dir}/${place}`);
    assert.equal(code, 0, stderr);
  }
  try {
    for (const algorithm of ["none", "gzip"]) await assert.rejects(daemon.must("POST", `${urlOf(one)}/backups`, { compression_algorithm: algorithm }), /No space left on the device/);
    assert.deepEqual(await daemon.must("GET", `${urlOf(one)}/backups`), []);
    await daemon.must("POST", "/1.0/storage-pools", { name: "small", driver: "dir" });
    await assert.rejects(importFrom(`${folder}/k.tar`, { "x-lxd-name": two, "x-lxd-pool": "small" }), /No space left/);
    assert.equal(await exists(urlOf(two)), false);
  } finally {
    await daemon.request("DELETE", "/1.0/storage-pools/small");
    for (const place of ["backups", "storage-pools/small"]) await daemon.inNamespace("umount", "-l", `${daemon.dir}/${place}`);
  }
});
