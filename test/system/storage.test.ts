// The dir pool: copy-on-write by overlay over image layers with the image's own ids, and plain copies where that is switched off.
import assert from "node:assert/strict";
import { existsSync, lstatSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { act, create, destroy, forceStop, importImage, initOf, launch, remove, sh } from "../helpers/instances.ts";
import { type BusyboxImages, busyboxImages } from "../helpers/images.ts";
import { loopFiles, mountsOf, remains } from "../helpers/remains.ts";

const prefix = `stor${process.pid}`;
const [one, two] = [`${prefix}-1`, `${prefix}-2`];
let daemon: Daemon;
let images: BusyboxImages;

before(async () => {
  daemon = await startDaemon();
  images = await busyboxImages();
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
  for (const url of await daemon.must("GET", "/1.0/images")) await daemon.must("DELETE", url);
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
  assert.deepEqual((await mountsOf(daemon)).filter((point) => point.includes("storage-pools")), []);
  assert.deepEqual(loopFiles(daemon), []);
});

const volume = (name: string, pool = "default") => `${daemon.dir}/storage-pools/${pool}/containers/${name}`;
/** What a volume writes to. */
const written = (name: string, pool = "default") => {
  const [, own] = /^ {4}own: '?([^'\s]+)'?$/m.exec(readFileSync(`${volume(name, pool)}/backup.yaml`, "utf8")) ?? [];
  return `${daemon.dir}/storage-pools/${pool}/layers/${own}/upper`;
};
const layer = (fingerprint: string) => `${daemon.dir}/storage-pools/default/images/${fingerprint}`;
const onHost = async (...command: [string, ...string[]]) => (await daemon.inNamespace(...command)).stdout.trim();
const attributes = { user: "user.colour", capability: "security.capability" };

/** A shell line that fails loudly when it is not so. */
const must = (condition: string) => `${condition} || { echo "not so: ${condition.replaceAll('"', "'")}" >&2; exit 1; };`;

test("a pool says that it layers", async () => {
  const pool = await daemon.must("GET", "/1.0/storage-pools/default");
  assert.equal(pool.config["volatile.copy_on_write"], "overlay");
  assert.equal(pool.config.source, `${daemon.dir}/storage-pools/default`);
});

for (const kind of ["unified", "squashfs"] as const) {
  test(`instances of one ${kind} image see neither each other's changes nor change the image`, async () => {
    const fingerprint = await importImage(daemon, images[kind], "busybox");
    await launch(daemon, one);
    await launch(daemon, two);
    await sh(daemon, one, "echo mine > /etc/motd; rm /etc/profile; echo changed > /etc/hosts; mkdir -p /srv/deep/er; chown 1000:1000 /srv/deep");
    assert.equal(await sh(daemon, two, "ls /etc/motd /srv 2>/dev/null; test -e /etc/profile && head -1 /etc/hosts"), "127.0.0.1\tlocalhost");
    assert.equal(await onHost("sh", "-c", `ls -d ${layer(fingerprint)}/rootfs/etc/motd ${layer(fingerprint)}/rootfs/srv 2>/dev/null`), "");
    assert.ok(await onHost("cat", `${layer(fingerprint)}/rootfs/etc/profile`));
    await act(daemon, one, "restart", { force: true });
    await daemon.restart();
    assert.equal(await sh(daemon, one, "cat /etc/motd; test -e /etc/profile || echo gone; stat -c %u:%g /srv/deep"), "mine\ngone\n1000:1000");
  });
}

test("the disk holds the guest's own ids, not shifted ones", async () => {
  const fingerprint = await importImage(daemon, images.unified, "busybox");
  await launch(daemon, one);
  await sh(daemon, one, "echo x > /root-file; echo x > /user-file; chown 1000:1000 /user-file");
  const ids = (file: string) => onHost("stat", "-c", "%u:%g", file);
  const upper = written(one);
  assert.deepEqual([await ids(`${upper}/root-file`), await ids(`${upper}/user-file`)], ["0:0", "1000:1000"]);
  assert.deepEqual([await ids(`${layer(fingerprint)}/rootfs/etc/passwd`), await ids(`${layer(fingerprint)}/rootfs/home/user`)], ["0:0", "1000:1000"]);
  const base = Number((await sh(daemon, one, "cat /proc/self/uid_map")).trim().split(/\s+/)[1]);
  assert.ok(base >= 100_000);
  assert.equal(await ids(`${volume(one)}/rootfs/user-file`), `${base + 1000}:${base + 1000}`, "seen through the map, they are the container's");
});

for (const pool of ["default", "copies"]) {
  test(`a guest's files behave as on any disk, before and after a restart, in the pool ${pool}`, async () => {
    if (pool === "copies") await daemon.must("POST", "/1.0/storage-pools", { name: pool, driver: "dir", config: { "berth.copy_on_write": "false" } });
    await importImage(daemon, images.unified, "busybox");
    await launch(daemon, one, { devices: { root: { type: "disk", path: "/", pool } } });
    await sh(daemon, one, [
      "set -e; mkdir /t; cd /t; echo x > a; ln a b; ln -s a c; chown 1000:1000 a; chmod 4755 a; mkfifo p; mkdir -m 1777 s",
      "mv /usr/share/berth /usr/share/moved; mkdir /usr/share/berth; echo new > /usr/share/berth/readme", // a directory of the image, and one in its place
      "mv /etc/udhcpc.script /etc/other.script; rm -r /home/user; mkdir /home/user; cp /bin/busybox /t/suid; chown 0:0 /t/suid; chmod 4755 /t/suid",
    ].join("; "));
    const rootfs = `/proc/${await initOf(daemon, one)}/root`;
    const namespace = ["nsenter", `--user=/proc/${await initOf(daemon, one)}/ns/user`, "--setuid=0", "--setgid=0", "--"] as const;
    assert.equal((await daemon.inNamespace(...namespace, "setfattr", "-n", attributes.user, "-v", "blue", `${rootfs}/t/a`)).code, 0);
    assert.equal((await daemon.inNamespace(...namespace, "setcap", "cap_net_raw+ep", `${rootfs}/t/suid`)).code, 0);
    const check = [
      must('[ "$(stat -c %u:%g:%a:%h /t/a)" = 1000:1000:4755:2 ]'), must("[ /t/a -ef /t/b ]"), must('[ "$(readlink /t/c)" = a ]'), must("[ -p /t/p ]"),
      must('[ "$(stat -c %a /t/s)" = 1777 ]'), must('[ "$(cat /usr/share/berth/readme)" = new ]'), must("[ -e /usr/share/moved/readme ]"),
      must("[ -x /etc/other.script ]"), must("[ ! -e /etc/udhcpc.script ]"), must('[ -z "$(ls /home/user)" ]'), must('[ "$(stat -c %u:%a /t/suid)" = 0:4755 ]'),
    ].join(" ");
    for (const again of [async () => {}, () => act(daemon, one, "restart", { force: true }), () => daemon.restart()]) {
      await again();
      await sh(daemon, one, check);
      const root = `/proc/${await initOf(daemon, one)}/root`;
      assert.match(await onHost("getfattr", "-n", attributes.user, "--absolute-names", `${root}/t/a`), /blue/);
      assert.match((await daemon.inNamespace(...namespace.slice(0, 1) as ["nsenter"], `--user=/proc/${await initOf(daemon, one)}/ns/user`, "--setuid=0", "--setgid=0", "--", "getcap", `${root}/t/suid`)).stdout, /cap_net_raw=ep/);
    }
    await destroy(daemon, one);
    if (pool === "copies") await daemon.must("DELETE", `/1.0/storage-pools/${pool}`);
  });
}

test("a pool without copy-on-write holds plain files with the container's ids", async () => {
  await daemon.must("POST", "/1.0/storage-pools", { name: "plain", driver: "dir", config: { "berth.copy_on_write": "false" } });
  const { config } = await daemon.must("GET", "/1.0/storage-pools/plain");
  assert.equal(config["volatile.copy_on_write"], "none");
  await importImage(daemon, images.squashfs, "busybox");
  await launch(daemon, one, { devices: { root: { type: "disk", path: "/", pool: "plain" } } });
  const base = Number((await sh(daemon, one, "cat /proc/self/uid_map")).trim().split(/\s+/)[1]);
  assert.equal(statSync(`${volume(one, "plain")}/rootfs/etc/passwd`).uid, base);
  assert.equal(statSync(`${volume(one, "plain")}/rootfs/home/user`).uid, base + 1000);
  assert.deepEqual((await mountsOf(daemon)).filter((point) => point.endsWith(`${one}/rootfs`)), []);
  await destroy(daemon, one);
  await daemon.must("DELETE", (await daemon.must("GET", "/1.0/images"))[0]);
  await daemon.must("DELETE", "/1.0/storage-pools/plain");
  assert.equal(existsSync(`${daemon.dir}/storage-pools/plain`), false);
});

test("a squashfs is mounted once and not unpacked, until the image and its last instance are gone", async () => {
  const fingerprint = await importImage(daemon, images.squashfs, "busybox");
  await create(daemon, one);
  await launch(daemon, two);
  const mounted = async () => (await mountsOf(daemon)).filter((point) => point === `${layer(fingerprint)}/rootfs`).length;
  assert.deepEqual([await mounted(), loopFiles(daemon).length], [1, 1]);
  assert.deepEqual((await onHost("ls", layer(fingerprint))).split("\n"), ["metadata.yaml", "rootfs", "rootfs.squashfs", "templates"]);
  await daemon.must("DELETE", `/1.0/images/${fingerprint}`);
  await act(daemon, one, "start");
  assert.equal(await sh(daemon, one, "cat /usr/share/berth/readme"), "The small image of Berth's tests.", "instances live on without their image");
  await daemon.restart();
  assert.equal(await mounted(), 1);
  await act(daemon, two, "restart", { force: true });
  await destroy(daemon, one);
  assert.equal(await mounted(), 1);
  await destroy(daemon, two);
  assert.deepEqual([await mounted(), loopFiles(daemon).length], [0, 0]);
  assert.equal(existsSync(layer(fingerprint)), false);
});

test("an unpacked image stays as long as an instance is made from it", async () => {
  const fingerprint = await importImage(daemon, images.split, "busybox");
  await launch(daemon, one);
  await daemon.must("DELETE", `/1.0/images/${fingerprint}`);
  assert.ok(existsSync(`${layer(fingerprint)}/rootfs/bin/busybox`));
  await act(daemon, one, "restart", { force: true });
  assert.equal(await sh(daemon, one, "ls /etc/passwd"), "/etc/passwd");
  await destroy(daemon, one);
  assert.equal(existsSync(layer(fingerprint)), false);
});

test("the root file system of an instance is to be seen on the host, running or stopped, and after a restart of the daemon", async () => {
  await importImage(daemon, images.unified, "busybox");
  await create(daemon, one);
  const hostname = () => onHost("cat", `${volume(one)}/rootfs/etc/inittab`);
  const link = `${daemon.dir}/containers/${one}`;
  const moments = [async () => {}, () => act(daemon, one, "start"), () => daemon.restart(), () => forceStop(daemon, one), () => daemon.restart()];
  for (const moment of moments) {
    await moment();
    assert.match(await hostname(), /init of busybox/);
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.equal(readlinkSync(link), volume(one));
  }
  assert.match(readFileSync(`${volume(one)}/backup.yaml`, "utf8"), new RegExp(`name: ${one}`));
  await remove(daemon, one);
  assert.equal(existsSync(volume(one)) || lstatSync(link, { throwIfNoEntry: false }) !== undefined, false);
});

test("an ordinary user of the host cannot reach into a root file system", async () => {
  const fingerprint = await importImage(daemon, images.squashfs, "busybox");
  await launch(daemon, one);
  const nobody = (...command: string[]) => daemon.inNamespace("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", ...command);
  assert.equal((await nobody("true")).code, 0);
  const secrets = [
    `${volume(one)}/rootfs/etc/passwd`, written(one), `${volume(one)}/backup.yaml`, `${layer(fingerprint)}/rootfs/etc/passwd`,
    `${daemon.dir}/containers/${one}/rootfs`, `/proc/${await initOf(daemon, one)}/root/etc`, `${daemon.dir}/database/berth.db`,
    `${daemon.dir}/images/${fingerprint}`, `${daemon.dir}/logs/${one}/lxc.conf`,
  ];
  for (const path of secrets) {
    assert.equal((await daemon.inNamespace("test", "-e", path)).code, 0, `${path} is there`);
    const { code, stderr } = await nobody("ls", path);
    assert.ok(code !== 0 && /Permission denied/.test(stderr), `${path}: ${stderr}`);
  }
});
