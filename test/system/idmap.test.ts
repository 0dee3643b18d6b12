// Which ids of the host's a guest has: shared ones, a range of its own, single ones put into its map; and what becomes of its
// files when that changes.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, destroy, forceStop, importImage, initOf, launch, remove, sh } from "../helpers/instances.ts";

const prefix = `ids${process.pid}`;
const [one, two] = [`${prefix}-1`, `${prefix}-2`];
const isolated = { "security.idmap.isolated": "true" };
const half = 500_974_144; // where the ids begin that no instance shares, on a machine set up by `npm run setup`
const urlOf = (name: string) => `/1.0/instances/${name}`;
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await daemon.must("POST", "/1.0/storage-pools", { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } });
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
});

const configOf = async (name: string): Promise<Record<string, string>> => (await daemon.must("GET", urlOf(name))).config;
const baseOf = async (name: string) => Number((await configOf(name))["volatile.idmap.base"]);
const set = (name: string, config: Record<string, string>) => daemon.must("PATCH", urlOf(name), { config });

/** The map the kernel has, as "inside outside count" each. */
async function kernelMap(name: string, file = "uid_map"): Promise<string[]> {
  return readFileSync(`/proc/${await initOf(daemon, name)}/${file}`, "utf8").trim().split("\n").map((line) => line.trim().replace(/\s+/g, " "));
}

async function refused(method: string, path: string, body: unknown, words: RegExp): Promise<void> {
  await assert.rejects(daemon.must(method, path, body), words);
}

test("instances share a map unless told otherwise, and it is shown as LXD shows it", async () => {
  await launch(daemon, one);
  await launch(daemon, two);
  assert.deepEqual(await kernelMap(one), await kernelMap(two));
  const config = await configOf(one);
  const [uid, gid] = JSON.parse(config["volatile.idmap.current"] ?? "");
  assert.deepEqual(await kernelMap(one), [`${uid.Nsid} ${uid.Hostid} ${uid.Maprange}`]);
  assert.deepEqual([uid.Isuid, uid.Isgid, gid.Isuid, gid.Isgid], [true, false, false, true]);
  assert.equal(config["volatile.idmap.next"], config["volatile.idmap.current"]);
  assert.deepEqual([config["volatile.idmap.base"], config["volatile.last_state.idmap"]], ["0", "[]"]);
});

test("isolated instances have ranges that nobody else has, also when they are made at once", async () => {
  const names = Array.from({ length: 5 }, (_, i) => `${prefix}-at-once-${i}`);
  await Promise.all(names.map((name) => create(daemon, name, { config: isolated })));
  const bases = await Promise.all(names.map(baseOf));
  assert.deepEqual([...bases].sort((a, b) => a - b), [0, 1, 2, 3, 4].map((n) => half + n * 65536));
  await launch(daemon, one);
  for (const name of names.slice(0, 2)) await act(daemon, name, "start");
  const spans = await Promise.all([one, ...names.slice(0, 2)].map(async (name) => ((await kernelMap(name))[0] ?? "").split(" ").map(Number)));
  for (const [i, [, from = 0, count = 0]] of spans.entries()) {
    for (const [, other = 0, more = 0] of spans.slice(i + 1)) assert.ok(from + count <= other || other + more <= from, JSON.stringify(spans));
  }
});

test("a range is kept between starts and daemons, and given to the next when its instance goes", async () => {
  await create(daemon, one, { config: isolated });
  await launch(daemon, two, { config: { ...isolated, "security.idmap.size": "100000" } });
  assert.deepEqual([await baseOf(one), await baseOf(two)], [half, half + 65536]);
  assert.deepEqual(await kernelMap(two), [`0 ${half + 65536} 100000`]);
  await daemon.restart();
  await act(daemon, two, "restart", { force: true });
  assert.deepEqual(await kernelMap(two), [`0 ${half + 65536} 100000`]);
  await remove(daemon, one);
  await create(daemon, one, { config: isolated });
  assert.equal(await baseOf(one), half);
});

test("a base that is asked for is taken; one that overlaps or is not root's is refused and changes nothing", async () => {
  await create(daemon, one, { config: { ...isolated, "security.idmap.base": "600000000" } });
  assert.equal(await baseOf(one), 600_000_000);
  const post = (base: string) => ({ name: two, source: { type: "image", alias: "busybox" }, config: { ...isolated, "security.idmap.base": base } });
  await refused("POST", "/1.0/instances", post("600065535"), /security\.idmap\.base.*600000000 to 600065535 are those of another instance/);
  await refused("POST", "/1.0/instances", post("1000999936"), /not all root's/);
  await refused("POST", "/1.0/instances", post("70000"), /not all root's/);
  await create(daemon, two, { config: { ...isolated, "security.idmap.base": "600065536" } });
  const before = await configOf(two);
  await refused("PATCH", urlOf(two), { config: { "security.idmap.size": "999999999" } }, /not all root's/);
  await refused("PATCH", urlOf(two), { config: { "security.idmap.base": "600000001" } }, /another instance/);
  await refused("PATCH", urlOf(two), { config: { "security.idmap.base": "", "security.idmap.size": "999999999" } }, /Not enough uid\/gid available/);
  assert.deepEqual(await configOf(two), before);
});

test("ids of the host's are put into the map, and files change hands with them", async () => {
  await launch(daemon, one, { config: { "raw.idmap": "both 1000 1000\nuid 4242 7" } });
  const map = await kernelMap(one);
  assert.deepEqual(map.filter((line) => /^(1000|7) /.test(line)), ["7 4242 1", "1000 1000 1"]);
  assert.equal((await kernelMap(one, "gid_map")).length, 3);
  await sh(daemon, one, "touch /root/r /root/u /root/seven; chown 1000:1000 /root/u; chown 7:7 /root/seven; su user -s /bin/sh -c 'touch /tmp/mine'");
  const rootfs = `/proc/${await initOf(daemon, one)}/root`;
  assert.deepEqual(["root/r", "root/u", "root/seven", "tmp/mine"].map((file) => statSync(`${rootfs}/${file}`).uid), [1_000_000, 1000, 4242, 1000]);
  const push = await daemon.request("POST", `${urlOf(one)}/files?path=/root/pushed`, Buffer.from("x"), { headers: { "x-lxd-uid": "1000", "x-lxd-gid": "1000", "content-type": "application/octet-stream" } });
  assert.equal(push.status, 200);
  assert.equal(await sh(daemon, one, "stat -c %u:%g /root/pushed"), "1000:1000");
  assert.equal((await daemon.request("GET", `${urlOf(one)}/files?path=/root/seven`)).headers["x-lxd-uid"], "7");
  assert.equal((await daemon.berth("exec", one, "--user", "1000", "--", "id", "-u")).stdout.trim(), "1000");
});

test("ids that clash are refused", async () => {
  const post = (raw: string, more = {}) => ({ name: two, source: { type: "image", alias: "busybox" }, config: { "raw.idmap": raw, ...more } });
  await refused("POST", "/1.0/instances", post("both 1000005 1000"), /Host id is in the range of subids/);
  await refused("POST", "/1.0/instances", post("both 1000 1000\nuid 1000 1001"), /Host id is in the range of subids/);
  for (const bad of ["1000 1000", "both 1000", "both 5-3 5-3", "both 1-5 1-4", "both -1 5", "both 1000 1000\nlxc.hook = x"]) await refused("POST", "/1.0/instances", post(bad), /raw\.idmap/);
  assert.equal((await daemon.request("GET", urlOf(two))).status, 404);
});

test("a new map holds from the next start on, without a file's owner changing on the disk", async () => {
  await launch(daemon, one);
  await sh(daemon, one, "echo a > /root/a; chown 1000:1000 /root/a; touch /root/b");
  const shared = await kernelMap(one);
  await set(one, { ...isolated });
  assert.deepEqual(await kernelMap(one), shared);
  assert.notEqual((await configOf(one))["volatile.idmap.next"], (await configOf(one))["volatile.idmap.current"]);
  await sh(daemon, one, "touch /root/while-running");
  assert.equal((await daemon.request("GET", `${urlOf(one)}/files?path=/root/a`)).headers["x-lxd-uid"], "1000");
  await forceStop(daemon, one);
  assert.equal((await daemon.request("GET", `${urlOf(one)}/files?path=/root/a`)).headers["x-lxd-uid"], "1000");
  const upper = (await daemon.inNamespace("find", `${daemon.dir}/storage-pools/default`, "-xdev", "-path", "*/upper/root/while-running")).stdout.trim().replace(/\/while-running$/, "");
  const changed = statSync(`${upper}/a`).ctimeMs;
  await act(daemon, one, "start");
  assert.deepEqual(await kernelMap(one), [`0 ${half} 65536`]);
  assert.equal(await sh(daemon, one, "stat -c %u:%g /root/a /root/b /root/while-running | xargs; touch /root/new; stat -c %u /root/new /etc/passwd | xargs"), "1000:1000 0:0 0:0\n0 0");
  assert.deepEqual([statSync(`${upper}/a`).uid, statSync(`${upper}/a`).ctimeMs, statSync(`${upper}/new`).uid], [1000, changed, 0]);
  await set(one, { "security.idmap.isolated": "" });
  await act(daemon, one, "restart", { force: true });
  assert.deepEqual(await kernelMap(one), shared);
  assert.equal(await sh(daemon, one, "stat -c %u /root/new"), "0");
});

test("a daemon that was killed finds the map that an instance's files are seen through", async () => {
  await launch(daemon, one);
  await sh(daemon, one, "touch /root/a");
  await set(one, isolated);
  await daemon.kill9();
  await daemon.start();
  await forceStop(daemon, one);
  await daemon.kill9();
  await daemon.start();
  await act(daemon, one, "start");
  assert.equal(await sh(daemon, one, "touch /root/b; stat -c %u /root/a /root/b | xargs"), "0 0");
});

test("the files of a copy get their new owners, with capabilities and links, unless that is refused", async () => {
  const devices = { root: { type: "disk", path: "/", pool: "copies" } };
  await launch(daemon, one, { devices });
  await sh(daemon, one, "echo a > /root/a; chown 1000:1000 /root/a; chmod 4755 /root/a; ln /root/a /root/link; ln -s a /root/soft; mkfifo /root/pipe; cp /bin/busybox /root/tool; chown 5:6 /root");
  const folder = `${daemon.dir}/storage-pools/copies/containers/${one}`;
  assert.equal((await daemon.inNamespace("setcap", "-n", "1000000", "cap_net_raw+ep", `${folder}/rootfs/root/tool`)).code, 0);
  await forceStop(daemon, one);
  assert.match((await configOf(one))["volatile.last_state.idmap"] ?? "", /1000000/);
  await set(one, { ...isolated, "security.protection.shift": "true" });
  await refused("PUT", `${urlOf(one)}/state`, { action: "start" }, /protected against filesystem shifting/);
  assert.equal(statSync(`${folder}/rootfs/etc/passwd`).uid, 1_000_000);
  await set(one, { "security.protection.shift": "" });
  await act(daemon, one, "start");
  assert.equal(statSync(`${folder}/rootfs/etc/passwd`).uid, half);
  assert.equal(await sh(daemon, one, "stat -c %u:%g:%a:%h /root/a; stat -c %u:%g /root; readlink /root/soft; test -p /root/pipe && echo pipe; stat -c %u /etc/passwd"), "1000:1000:4755:2\n5:6\na\npipe\n0");
  assert.match((await daemon.inNamespace("getcap", "-n", `${folder}/rootfs/root/tool`)).stdout, new RegExp(`cap_net_raw[=+]ep \\[rootid=${half}\\]`));
  assert.match((await configOf(one))["volatile.last_state.idmap"] ?? "", new RegExp(String(half)));
  await destroy(daemon, one);
});
