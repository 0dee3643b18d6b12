// Copies, refreshed copies, moves between pools and rebuilds, with snapshots, within a pool and between pools that layer and copy.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, forceStop, importImage, launch, sh, statusOf } from "../helpers/instances.ts";
import { remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

const prefix = `copy${process.pid}`;
const [one, two] = [`${prefix}-1`, `${prefix}-2`];
const pools = ["default", "second", "copies"];
let daemon: Daemon;
let fingerprint: string;

before(async () => {
  daemon = await startDaemon();
  fingerprint = await importImage(daemon, (await busyboxImages()).squashfs, "busybox");
  await daemon.must("POST", "/1.0/storage-pools", { name: "second", driver: "dir" });
  await daemon.must("POST", "/1.0/storage-pools", { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } });
  await daemon.lxc("version");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
  for (const pool of pools) await eventually(() => foldersOf(pool).length === 0, { what: `nothing is left in ${pool}: ${foldersOf(pool)}` });
});

const urlOf = (name: string) => `/1.0/instances/${name}`;
const inPool = (pool: string) => ({ root: { type: "disk", path: "/", pool } });
const copy = (source: string, name: string, more: object = {}, rest: object = {}) =>
  daemon.must("POST", "/1.0/instances", { name, source: { type: "copy", source, ...more }, ...rest });
const foldersOf = (pool: string) => ["layers", "snapshots", "trash"].flatMap((folder) => readdirSync(`${daemon.dir}/storage-pools/${pool}/${folder}`));
const names = async (name: string) => (await daemon.must("GET", `${urlOf(name)}/snapshots`)).map((url: string) => url.split("/").at(-1));

/** An instance whose file says what it was when each snapshot was taken, and what it is now. */
async function makeSource(pool: string): Promise<void> {
  await launch(daemon, one, { devices: inPool(pool), config: { "user.a": "1" } });
  for (const state of ["s0", "s1", "now"]) {
    await sh(daemon, one, `echo ${state} > /home/state; chown 1000:1000 /home/state`);
    if (state !== "now") await daemon.must("POST", `${urlOf(one)}/snapshots`, { name: state });
  }
  await forceStop(daemon, one);
}

/** What the file says and whose it is, as the guest would see it. */
async function stateOf(name: string): Promise<string> {
  const { text, headers } = await daemon.request("GET", `${urlOf(name)}/files?path=/home/state`);
  return `${text.trim()} ${headers["x-lxd-uid"]}`;
}

/** The same of a guest that runs, with its host name. */
async function seenBy(name: string): Promise<string> {
  await act(daemon, name, "start");
  const seen = await sh(daemon, name, "echo $(cat /home/state) $(stat -c %u /home/state) $(cat /etc/hostname)");
  await forceStop(daemon, name);
  return seen;
}

for (const [from, to] of [["default", "default"], ["copies", "copies"], ["default", "second"], ["default", "copies"], ["copies", "default"]] as const) {
  test(`a copy from ${from} to ${to} has the files, the snapshots and a life of its own`, async () => {
    await makeSource(from);
    await copy(one, two, {}, { devices: inPool(to) });
    const [source, made] = [await daemon.must("GET", urlOf(one)), await daemon.must("GET", urlOf(two))];
    assert.deepEqual([made.config["user.a"], made.devices.root.pool, made.config["volatile.base_image"]], ["1", to, fingerprint]);
    for (const key of ["volatile.uuid", "volatile.eth0.hwaddr", "volatile.cloud-init.instance-id"]) assert.notEqual(made.config[key], source.config[key], key);
    assert.deepEqual(await names(two), ["s0", "s1"]);
    assert.equal(await seenBy(two), `now 1000 ${two}`);
    await daemon.must("PUT", urlOf(two), { restore: "s0" });
    const restored = await daemon.must("GET", urlOf(two));
    assert.deepEqual([restored.config["volatile.uuid"], restored.devices.root.pool], [made.config["volatile.uuid"], to]);
    await daemon.must("DELETE", urlOf(one));
    assert.equal(await seenBy(two), `s0 1000 ${two}`);
  });
}

for (const pool of ["default", "copies"]) {
  test(`a snapshot is copied, and so is a running instance, in the pool ${pool}`, async () => {
    await makeSource(pool);
    await copy(`${one}/s0`, two);
    assert.deepEqual(await names(two), []);
    assert.equal(await stateOf(two), "s0 1000");
    await daemon.must("DELETE", urlOf(two));
    await act(daemon, one, "start");
    await copy(one, two, { instance_only: true });
    assert.deepEqual([await statusOf(daemon, one), await statusOf(daemon, two), await names(two)], ["Running", "Stopped", []]);
    assert.equal(await stateOf(two), "now 1000");
  });
}

for (const to of ["default", "second", "copies"]) {
  test(`a copy in ${to} is brought up to date: files, new and gone snapshots`, async () => {
    await makeSource("default");
    await copy(one, two, {}, { devices: inPool(to), config: { "user.a": "2" } });
    await act(daemon, two, "start");
    await sh(daemon, two, "echo spoilt > /home/state; touch /home/more");
    await assert.rejects(copy(one, two, { refresh: true }), /Instance is running/);
    await forceStop(daemon, two);
    await daemon.must("DELETE", `${urlOf(one)}/snapshots/s0`);
    await daemon.must("POST", `${urlOf(one)}/snapshots`, { name: "s2" });
    await copy(one, two, { refresh: true });
    assert.deepEqual(await names(two), ["s1", "s2"]);
    assert.equal((await daemon.must("GET", urlOf(two))).config["user.a"], "2");
    assert.equal(await seenBy(two), `now 1000 ${two}`);
    await daemon.must("PUT", urlOf(two), { restore: "s2" });
    assert.equal(await stateOf(two), "now 1000");
    await assert.rejects(copy(one, one, { refresh: true }), /cannot be refreshed from itself/);
  });
}

test("an instance moves from pool to pool with its snapshots, and is renamed on the way", async () => {
  await makeSource("default");
  const { config } = await daemon.must("GET", urlOf(one));
  await daemon.must("POST", urlOf(one), { name: one, migration: true, live: true, pool: "second" });
  assert.equal(existsSync(`${daemon.dir}/storage-pools/default/containers/${one}`), false);
  assert.deepEqual(foldersOf("default"), []);
  await daemon.must("POST", urlOf(one), { name: two, migration: true, live: true, pool: "copies" });
  assert.equal((await daemon.request("GET", urlOf(one))).status, 404);
  await daemon.must("POST", urlOf(two), { migration: true, pool: "default" });
  const moved = await daemon.must("GET", urlOf(two));
  for (const key of ["volatile.uuid", "volatile.eth0.hwaddr"]) assert.equal(moved.config[key], config[key], key);
  assert.equal(await seenBy(two), `now 1000 ${one}`); // the host name is a template's, and moving triggers none
  assert.deepEqual(await names(two), ["s0", "s1"]);
  await daemon.must("PUT", urlOf(two), { restore: "s1" });
  assert.equal(await stateOf(two), "s1 1000");
  const refuse = async (body: object, expected: RegExp) => assert.rejects(daemon.must("POST", urlOf(two), body), expected);
  await refuse({ migration: true, pool: "default" }, /in the pool "default" already/);
  await refuse({ migration: true, pool: "nowhere" }, /Storage pool not found/);
  await refuse({ migration: true, project: "other" }, /Project not found/);
  await create(daemon, one);
  await refuse({ migration: true, pool: "second", name: one }, /already exists/);
  await act(daemon, two, "start");
  await refuse({ migration: true, pool: "second" }, /must be stopped to move between pools/);
});

for (const pool of ["default", "copies"]) {
  test(`an instance of the pool ${pool} is rebuilt, and goes back to what it was`, async () => {
    await makeSource(pool);
    const before = await daemon.must("GET", urlOf(one));
    const rebuild = (source: object) => daemon.must("POST", `${urlOf(one)}/rebuild`, { source });
    await rebuild({ type: "image", alias: "busybox" });
    await act(daemon, one, "start");
    assert.equal(await sh(daemon, one, "ls /home/state 2>/dev/null; hostname"), one);
    await assert.rejects(rebuild({ type: "none" }), /must be stopped to be rebuilt/);
    await forceStop(daemon, one);
    await rebuild({ type: "none" });
    const empty = await daemon.must("GET", urlOf(one));
    assert.deepEqual(Object.keys(empty.config).filter((key) => key.startsWith("image.") || key === "volatile.base_image"), []);
    assert.deepEqual([empty.config["user.a"], empty.config["volatile.uuid"], empty.config["volatile.eth0.hwaddr"]], [before.config["user.a"], before.config["volatile.uuid"], before.config["volatile.eth0.hwaddr"]]);
    await assert.rejects(act(daemon, one, "start"));
    await assert.rejects(rebuild({ type: "image", alias: "nothing" }), /Image alias not found/);
    await daemon.must("PUT", urlOf(one), { restore: "s1" });
    assert.equal(await stateOf(one), "s1 1000");
  });
}

test("what cannot be copied is refused, and leaves nothing", async () => {
  await create(daemon, one);
  await assert.rejects(copy("nobody", two), /Instance not found/);
  await assert.rejects(copy(`${one}/s9`, two), /Instance snapshot not found/);
  await assert.rejects(copy("", two), /Must specify a source instance/);
  await assert.rejects(copy(one, one), /already exists/);
  await assert.rejects(copy(one, "a_b"), /Invalid instance name/);
  await assert.rejects(copy(one, two, { project: "other" }), /Project not found/);
  await assert.rejects(copy(one, two, {}, { profiles: ["nothing"] }), /Requested profile/);
  await assert.rejects(copy(one, two, {}, { devices: inPool("nowhere") }), /nowhere/);
});

test("the stock client snapshots, restores, copies, moves and refreshes", async () => {
  const lxc = async (...args: string[]) => {
    const { stdout, stderr, code } = await daemon.lxc(...args);
    assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  await lxc("launch", "busybox", one);
  await sh(daemon, one, "echo a > /home/state");
  await lxc("snapshot", one);
  await lxc("snapshot", one, "mine", "--no-expiry");
  await lxc("snapshot", one, "mine", "--reuse");
  assert.equal(await lxc("list", one, "-c", "nS", "-f", "csv"), `${one},2\n`);
  assert.match(await lxc("info", one), /Snapshots:\n[^]*snap0[^]*mine/);
  assert.match(await lxc("config", "show", `${one}/snap0`), /^expires_at: "?0001-01-01T00:00:00Z/m);
  await lxc("rename", `${one}/mine`, `${one}/yours`);
  await sh(daemon, one, "echo b > /home/state");
  await lxc("restore", one, "snap0");
  assert.equal(await sh(daemon, one, "cat /home/state"), "a");
  await lxc("copy", `${one}/yours`, two);
  await lxc("delete", two);
  await lxc("copy", one, two, "-c", "user.x=y");
  assert.equal(await lxc("list", two, "-c", "nsS", "-f", "csv"), `${two},STOPPED,2\n`);
  await lxc("copy", one, two, "--refresh");
  await lxc("move", two, "-s", "second");
  assert.equal((await daemon.must("GET", urlOf(two))).devices.root.pool, "second");
  await lxc("move", two, `${two}b`);
  for (const snapshot of ["yours", "snap0"]) await lxc("delete", `${two}b/${snapshot}`);
  assert.deepEqual(await names(`${two}b`), []);
  const { stderr, code } = await daemon.lxc("restore", one, "nothing");
  assert.deepEqual([code, stderr], [1, `Error: Snapshot ${one}/nothing does not exist\n`]);
});
