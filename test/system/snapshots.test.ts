// Snapshots: what an instance was at a time, stopped or running, in pools that layer and pools that copy.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, destroy, forceStop, importImage, launch, listen, sh, statusOf } from "../helpers/instances.ts";
import { remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

const prefix = `snap${process.pid}`;
const name = `${prefix}-1`;
let daemon: Daemon;
let fingerprint: string;

before(async () => {
  daemon = await startDaemon();
  fingerprint = await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await daemon.must("POST", "/1.0/storage-pools", { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } });
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
  for (const pool of ["default", "copies"]) await eventually(() => foldersOf(pool).length === 0, { what: `nothing is left in ${pool}: ${foldersOf(pool)}` });
});

const url = `/1.0/instances/${name}`;
const inPool = (pool: string) => ({ devices: { root: { type: "disk", path: "/", pool } } });
const snapshot = (body: object = {}) => daemon.must("POST", `${url}/snapshots`, body);
const restore = (snapshotName: string) => daemon.must("PUT", url, { restore: snapshotName });
const names = async () => (await daemon.must("GET", `${url}/snapshots`)).map((one: string) => one.split("/").at(-1));

/** What pools hold besides images and instances. */
const foldersOf = (pool: string) => ["layers", "snapshots", "trash"].flatMap((folder) => readdirSync(`${daemon.dir}/storage-pools/${pool}/${folder}`));

async function refused(method: string, path: string, body: unknown, expected: RegExp, status?: number): Promise<void> {
  const reply = await daemon.request(method, path, body);
  if (reply.status !== 202) {
    assert.match(reply.json.error, expected);
    if (status) assert.equal(reply.status, status);
    return;
  }
  await assert.rejects(daemon.must("GET", `${reply.json.operation}/wait`).then(({ err }) => {
    if (err) throw new Error(err);
  }), expected);
}

for (const pool of ["default", "copies"]) {
  test(`a stopped instance of the pool ${pool} goes back to what it was, again and again`, async () => {
    await launch(daemon, name, inPool(pool));
    await sh(daemon, name, "echo one > /home/a; rm /etc/profile; chmod 711 /; chown 1000:1000 /home/a; mkdir /home/d");
    await forceStop(daemon, name);
    await snapshot({ name: "s0" });
    await act(daemon, name, "start");
    assert.equal(await sh(daemon, name, "stat -c %a /"), "711");
    await sh(daemon, name, "echo two > /home/a; rmdir /home/d; touch /etc/profile; chmod 755 /");
    await forceStop(daemon, name);
    await snapshot({ name: "s1" });
    for (const [snapshotName, seen] of [["s0", "one 711 1000 d gone"], ["s1", "two 755 1000 gone there"], ["s0", "one 711 1000 d gone"]] as const) {
      await restore(snapshotName);
      await act(daemon, name, "start");
      const look = "echo $(cat /home/a) $(stat -c %a /) $(stat -c %u /home/a) $([ -e /home/d ] && echo d || echo gone) $([ -e /etc/profile ] && echo there || echo gone)";
      assert.equal(await sh(daemon, name, look), seen);
      await sh(daemon, name, "echo spoilt > /home/a");
      await forceStop(daemon, name);
    }
  });

  test(`a snapshot of a running instance of the pool ${pool} does not disturb it, and is restored while it runs`, async () => {
    await launch(daemon, name, inPool(pool));
    await sh(daemon, name, "echo one > /home/a; (while :; do date >> /home/log; sleep 0.05; done) >/dev/null 2>&1 &");
    const { pid } = await daemon.must("GET", `${url}/state`);
    await snapshot({ name: "s0" });
    assert.equal((await daemon.must("GET", `${url}/state`)).pid, pid);
    assert.equal(await statusOf(daemon, name), "Running");
    const lines = await sh(daemon, name, "wc -l < /home/log");
    await eventually(async () => (await sh(daemon, name, "wc -l < /home/log")) !== lines, { what: "the guest goes on" });
    await sh(daemon, name, "echo two > /home/a");
    await using listener = await listen(daemon);
    await restore(`${name}/s0`);
    assert.equal(await statusOf(daemon, name), "Running");
    assert.equal(await sh(daemon, name, "cat /home/a"), "one");
    assert.ok(listener.actions(name).includes("instance-restored"));
  });
}

test("a snapshot keeps the configuration, and restoring brings it back", async () => {
  await create(daemon, name, { config: { "user.a": "1" } });
  const { config } = await daemon.must("GET", url);
  await snapshot({ name: "s0" });
  await daemon.must("PATCH", url, { config: { "user.a": "2", "user.b": "3" }, description: "changed" });
  await daemon.must("PATCH", url, { devices: { eth0: { type: "none" } } });
  await restore("s0");
  const back = await daemon.must("GET", url);
  const newOnChange = { "volatile.cloud-init.instance-id": back.config["volatile.cloud-init.instance-id"] }; // its cards have changed
  assert.deepEqual([back.config, back.description, back.devices], [{ ...config, ...newOnChange }, "", {}]);
});

test("names are numbered, follow the pattern, and are refused when they are none", async () => {
  await create(daemon, name);
  for (let i = 0; i < 2; i++) await snapshot();
  await snapshot({ name: "snap7" });
  await snapshot({ name: "" });
  assert.deepEqual(await names(), ["snap0", "snap1", "snap7", "snap8"]);
  await daemon.must("PATCH", url, { config: { "snapshots.pattern": "daily-{{ creation_date|date:'2006' }}" } });
  await snapshot();
  await snapshot();
  assert.deepEqual((await names()).slice(4), [`daily-${new Date().getUTCFullYear()}`, `daily-${new Date().getUTCFullYear()}-0`]);
  for (const bad of ["a/b", "a b", "a?b", "..", "x\u0000", "y".repeat(256)]) await refused("POST", `${url}/snapshots`, { name: bad }, /^Invalid snapshot name/, 400);
  await refused("POST", `${url}/snapshots`, { name: "snap0" }, /Snapshot "snap0" of instance "\S+" already exists/, 409);
  await refused("POST", `${url}/snapshots`, { name: "x", stateful: true }, /Stateful/, 400);
  await refused("POST", `${url}/snapshots/snap0`, { name: "snap1" }, /already exists/, 409);
  await refused("POST", `${url}/snapshots/snap0`, { name: "a b" }, /^Invalid snapshot name/, 400);
  await refused("POST", `/1.0/instances/${name}%2Fsnap0/snapshots`, { name: "x" }, /Instance not found/, 404);
  await refused("PUT", url, { restore: "nope" }, /Snapshot \S+\/nope does not exist/);
  await refused("PUT", url, { restore: `other/snap0` }, /Snapshot other\/snap0 does not exist/);
  await daemon.must("PATCH", url, { config: { "snapshots.pattern": "%d-%d" } });
  await refused("POST", `${url}/snapshots`, {}, /snapshots\.pattern/);
  assert.equal((await names()).length, 6);
});

test("snapshots expire when they are told to, or as the configuration says", async () => {
  await create(daemon, name, { config: { "snapshots.expiry": "1d 2H" } });
  await snapshot({ name: "a" });
  await snapshot({ name: "b", expires_at: "0001-01-01T00:00:00Z" });
  await snapshot({ name: "c", expires_at: "2050-06-07T08:09:10+02:00" });
  const ends = Object.fromEntries((await daemon.must("GET", `${url}/snapshots?recursion=1`)).map((one: { name: string; expires_at: string }) => [one.name, one.expires_at]));
  assert.ok(Math.abs(Date.parse(ends["a"] ?? "") - Date.now() - 26 * 3_600_000) < 60_000, ends["a"]);
  assert.deepEqual([ends["b"], ends["c"]], ["0001-01-01T00:00:00Z", "2050-06-07T06:09:10.000Z"]);
  await daemon.must("PUT", `${url}/snapshots/a`, {});
  assert.equal((await daemon.must("GET", `${url}/snapshots/a`)).expires_at, ends["a"]);
  await daemon.must("PUT", `${url}/snapshots/a`, { expires_at: "0001-01-01T00:00:00Z" });
  assert.equal((await daemon.must("GET", `${url}/snapshots/a`)).expires_at, "0001-01-01T00:00:00Z");
  await refused("PUT", `${url}/snapshots/a`, { expires_at: "tomorrow" }, /expires_at/, 400);
});

test("protection is the instance's, not its snapshots'; both go when the instance does", async () => {
  await create(daemon, name, { config: { "security.protection.delete": "true" } });
  for (const one of ["a", "b"]) await snapshot({ name: one });
  await using listener = await listen(daemon);
  await daemon.must("DELETE", `${url}/snapshots/a`);
  await daemon.must("POST", `${url}/snapshots/b`, { name: "c" });
  assert.deepEqual(await names(), ["c"]);
  await eventually(() => listener.actions(`${name}/snapshots/c`).join() === "instance-snapshot-renamed", { what: "the renaming is told" });
  await refused("DELETE", url, undefined, /protected/, 403);
  assert.match(readFileSync(`${daemon.dir}/storage-pools/default/containers/${name}/backup.yaml`, "utf8"), /^snapshots:\n {2}- name: c$/m);
});

test("what nobody needs goes, and what somebody needs stays: layers, and the image", async () => {
  await launch(daemon, name);
  await sh(daemon, name, "echo x > /home/x");
  await forceStop(daemon, name);
  const layers = () => readdirSync(`${daemon.dir}/storage-pools/default/layers`).length;
  assert.equal(layers(), 1);
  for (const one of ["a", "b", "c"]) await snapshot({ name: one });
  assert.equal(layers(), 2, "nothing changed between them");
  await daemon.must("DELETE", `/1.0/images/${fingerprint}`);
  await daemon.restart();
  await restore("b");
  assert.equal(layers(), 2);
  await act(daemon, name, "start");
  assert.equal(await sh(daemon, name, "cat /home/x"), "x");
  for (const one of ["a", "b", "c"]) await daemon.must("DELETE", `${url}/snapshots/${one}`);
  assert.equal(layers(), 2);
  await destroy(daemon, name);
  assert.deepEqual(readdirSync(`${daemon.dir}/storage-pools/default/images`), []);
  fingerprint = await importImage(daemon, (await busyboxImages()).unified, "busybox");
});

test("an instance with more snapshots than a mount takes layers stays whole", async () => {
  await create(daemon, name);
  const write = (i: number) => daemon.must("POST", `${url}/files?path=/home/${i}`, String(i), { headers: { "content-type": "application/octet-stream" } });
  for (let i = 0; i < 63; i++) {
    await write(i);
    await snapshot({ name: `s${i}` });
  }
  await act(daemon, name, "start");
  assert.equal(await sh(daemon, name, "ls /home | wc -l; cat /home/0 /home/62; ls -d /home/user; hostname"), `64\n062/home/user\n${name}`);
  for (const [kept, count] of [["s58", 60], ["s62", 64], ["s0", 2]] as const) {
    await restore(kept);
    assert.equal(await sh(daemon, name, "ls /home | wc -l"), String(count));
  }
});
