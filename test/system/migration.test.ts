// Instances travel between two servers, driven by the stock client: pulled, pushed and relayed, whole or by what has changed.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { exec, type Result } from "../helpers/exec.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, forceStop, importImage, launch, sh, statusOf } from "../helpers/instances.ts";
import { endNeighbour, openForMoves, startNeighbour } from "../helpers/neighbour.ts";
import { remains } from "../helpers/remains.ts";
import { eventually, pause } from "../helpers/wait.ts";

const prefix = `mig${process.pid}`;
const [one, two] = [`${prefix}-1`, `${prefix}-2`];
let here: Daemon;
let there: Daemon;
let conf: string;

before(async () => {
  here = await startDaemon({ init: false });
  there = await startNeighbour(here.namespace);
  for (const [daemon, port] of [[here, 8443], [there, 8444]] as const) {
    await openForMoves(daemon, port);
    await daemon.must("POST", "/1.0/storage-pools", { name: "copies", driver: "dir", config: { "berth.copy_on_write": "false" } });
  }
  await importImage(here, (await busyboxImages()).unified, "busybox");
  conf = `${here.dir}/../remotes`;
  mkdirSync(conf);
  writeFileSync(`${conf}/config.yml`, `default-remote: here\nremotes:\n  here:\n    addr: unix://${here.socket}\n  there:\n    addr: unix://${there.socket}\n`);
});
after(async () => {
  if (there) await endNeighbour(there);
  await here?.[Symbol.asyncDispose]();
});
afterEach(async () => {
  for (const daemon of [here, there]) {
    if (!daemon.running) await daemon.start();
    await daemon.deleteInstances();
  }
  for (const daemon of [here, there]) {
    assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
    for (const pool of ["default", "copies"]) await eventually(() => foldersOf(daemon, pool).length === 0, { what: `nothing is left in ${pool}: ${foldersOf(daemon, pool)}` });
  }
});

const urlOf = (name: string) => `/1.0/instances/${name}`;
const foldersOf = (daemon: Daemon, pool: string) => ["layers", "snapshots", "trash"].flatMap((name) => readdirSync(`${daemon.dir}/storage-pools/${pool}/${name}`));
const exists = async (daemon: Daemon, name: string) => (await daemon.request("GET", urlOf(name))).status === 200;
const octets = { "content-type": "application/octet-stream" };
const write = (daemon: Daemon, name: string, text: string) => daemon.must("POST", `${urlOf(name)}/files?path=/home/state`, text, { headers: octets });
const read = async (daemon: Daemon, name: string) => (await daemon.request("GET", `${urlOf(name)}/files?path=/home/state`)).text.trim();
const rootOf = (daemon: Daemon, name: string, pool = "default") => `${daemon.dir}/storage-pools/${pool}/containers/${name}/rootfs`;

const tryLxc = (...args: string[]): Promise<Result> => exec("lxc", args, { env: { LXD_CONF: conf, LXD_DIR: "/nonexistent", LXD_SOCKET: "" } });

async function lxc(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await tryLxc(...args);
  assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr || stdout}\n${JSON.stringify((await here.must("GET", "/1.0/operations?recursion=1")).failure)}`);
  return stdout;
}

/** A stopped instance with a snapshot and files of all kinds. */
async function makeSource(pool = "default"): Promise<void> {
  await launch(here, one, { config: { "user.a": "1" }, devices: { root: { type: "disk", path: "/", pool } } });
  await sh(here, one, "echo s0 > /home/state; chown 1000:1000 /home/state; chmod 640 /home/state; ln /home/state /home/hard");
  await here.must("POST", `${urlOf(one)}/snapshots`, { name: "s0", expires_at: "2100-01-02T03:04:05Z" });
  await sh(here, one, "echo now > /home/state; rm /bin/base64; mkfifo /home/fifo; truncate -s 50M /home/sparse; chmod 4755 /home/sparse; mkdir -m 1777 /home/sticky");
  await forceStop(here, one);
  const root = rootOf(here, one, pool);
  await here.inNamespace("sh", "-c", 'setfattr -n user.note -v kept "$0/home/state" && setfacl -m u:1001234:r "$0/home/state"', root);
}

/** Puts a file of many random bytes into an instance, as its root. */
async function fill(daemon: Daemon, root: string, size: string): Promise<void> {
  const script = 'cd "$0" && exec setpriv --reuid=1000000 --regid=1000000 --clear-groups sh -c \'exec head -c "$0" /dev/urandom > home/big\' "$1"';
  const { code, stderr } = await daemon.inNamespace("sh", "-c", script, root, size);
  assert.equal(code, 0, stderr);
}

const look = "cd /home; echo $(cat state hard) $(stat -c %u:%g:%h state) $(stat -c %F:%a:%s fifo sparse sticky | tr ' ' _) $(ls /bin/base64 2>&1 | grep -c No); hostname";
const nowState = "now now 1000:1000:2 fifo:644:0 regular_file:4755:52428800 directory:1777:";

async function assertArrived(daemon: Daemon, name: string, pool = "default"): Promise<void> {
  const { stdout } = await daemon.inNamespace("sh", "-c", 'getfattr --only-values -n user.note "$0/home/state"; getfacl -np "$0/home/state"', rootOf(daemon, name, pool));
  assert.match(stdout, /^kept[^]*user:1001234:r/, stdout);
  await act(daemon, name, "start");
  const seen = await sh(daemon, name, look);
  assert.ok(seen.startsWith(nowState), seen);
  assert.ok(seen.endsWith(` 1\n${name}`), seen);
  await forceStop(daemon, name);
}

for (const [mode, from, to] of [["pull", "default", "default"], ["push", "default", "copies"], ["relay", "copies", "default"]] as const) {
  test(`an instance is copied by ${mode} from a pool "${from}" to a pool "${to}", with its snapshot`, async () => {
    await makeSource(from);
    const snapshot = await here.must("GET", `${urlOf(one)}/snapshots/s0`);
    await lxc("copy", `here:${one}`, `there:${two}`, "--mode", mode, "-s", to);
    const made = await there.must("GET", urlOf(two));
    assert.deepEqual([made.config["user.a"], made.devices.root.pool], ["1", to]);
    const came = await there.must("GET", `${urlOf(two)}/snapshots/s0`);
    assert.deepEqual([came.created_at, came.expires_at], [snapshot.created_at, snapshot.expires_at]);
    await assertArrived(there, two, to);
    await there.must("PUT", urlOf(two), { restore: "s0" });
    await act(there, two, "start");
    assert.equal(await sh(there, two, "cat /home/state; stat -c %h:%u /home/state; ls /bin/base64"), "s0\n2:1000\n/bin/base64");
  });
}

test("a refresh brings what has changed: files, new and gone snapshots", async () => {
  await makeSource();
  await lxc("copy", one, `there:${one}`);
  await write(here, one, "newer");
  await here.must("DELETE", `${urlOf(one)}/snapshots/s0`);
  await here.must("POST", `${urlOf(one)}/snapshots`, { name: "s1" });
  await write(here, one, "newest");
  await write(there, one, "spoilt");
  await lxc("copy", one, `there:${one}`, "--refresh");
  assert.equal(await read(there, one), "newest");
  assert.deepEqual((await there.must("GET", `${urlOf(one)}/snapshots`)).map((url: string) => url.split("/").at(-1)), ["s1"]);
  await there.must("PUT", urlOf(one), { restore: "s1" });
  assert.equal(await read(there, one), "newer");
  await act(there, one, "start");
  assert.match((await tryLxc("copy", one, `there:${one}`, "--refresh")).stderr, /Instance is running/);
});

test("an instance is moved with what makes it itself, and a snapshot becomes an instance", async () => {
  await makeSource();
  const source = await here.must("GET", urlOf(one));
  await lxc("copy", `${one}/s0`, `there:${two}`);
  assert.deepEqual([await read(there, two), (await there.must("GET", `${urlOf(two)}/snapshots`)).length], ["s0", 0]);
  await lxc("move", one, `there:${one}`, "--instance-only");
  assert.equal(await exists(here, one), false);
  const made = await there.must("GET", urlOf(one));
  assert.equal(made.config["volatile.uuid"], source.config["volatile.uuid"]);
  assert.deepEqual(await there.must("GET", `${urlOf(one)}/snapshots`), []);
  await assertArrived(there, one);
});

test("a running instance is given away as it is at one moment, but not with its processes", async () => {
  await launch(here, one);
  await sh(here, one, "echo live > /home/state");
  assert.match((await tryLxc("copy", one, `there:${one}`)).stderr, /CRIU isn't installed on the source server/);
  assert.equal(await exists(there, one), false);
  await lxc("copy", one, `there:${one}`, "--stateless");
  assert.deepEqual([await statusOf(here, one), await statusOf(there, one), await read(there, one)], ["Running", "Stopped", "live"]);
});

/** Command lines of the rsyncs that daemons have started. */
function rsyncs(): string[] {
  const children = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
    try {
      const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
      return [here.pid, there.pid].includes(parent) ? [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")] : [];
    } catch {
      return []; // it has ended
    }
  });
  return children.filter((command) => /rsync .*--numeric-ids/.test(command));
}

test("a pool says how fast files leave it, and whether they are compressed", async () => {
  await makeSource();
  await fill(here, rootOf(here, one), "8m");
  const set = (daemon: Daemon, config: Record<string, string>) => daemon.must("PUT", "/1.0/storage-pools/default", { config });
  await assert.rejects(set(here, { "rsync.bwlimit": "fast" }), /expected a rate per second/);
  const seen = async (pools: readonly [Record<string, string>, Record<string, string>]) => {
    await set(here, pools[0]);
    await set(there, pools[1]);
    const copying = lxc("copy", one, `there:${two}`, "--instance-only");
    const [ours, theirs] = await eventually(() => {
      const [server, client] = [true, false].map((side) => rsyncs().find((command) => command.includes("--server") === side));
      return server && client ? [client, server] : undefined;
    }, { every: 5, what: "rsync runs on both sides" });
    await copying;
    await assertArrived(there, two);
    await there.must("DELETE", urlOf(two));
    return [/--bwlimit=(\S+)/.exec(ours ?? "")?.[1], ours?.includes("--compress "), theirs?.includes("--compress ")];
  };
  const since = performance.now();
  assert.deepEqual(await seen([{ "rsync.bwlimit": "4MiB", "rsync.compression": "true" }, {}]), ["4MiB", true, true]);
  assert.ok(performance.now() - since > 1500, "8 MiB take two seconds");
  assert.deepEqual(await seen([{ "rsync.compression": "true" }, { "rsync.compression": "false" }]), ["0", false, false]);
  assert.deepEqual(await seen([{}, {}]), ["0", false, false]);
});

test("secrets are good once, and nobody is waited for long", async () => {
  await makeSource();
  const { json } = await here.request("POST", urlOf(one), { migration: true });
  const { metadata } = json.metadata;
  assert.deepEqual(Object.keys(metadata).sort(), ["control", "fs"]);
  const bad = async (source: object, expected: RegExp) => assert.rejects(there.must("POST", "/1.0/instances", { name: two, source: { type: "migration", mode: "pull", ...source } }), expected);
  const operation = `https://127.0.0.1:8443${json.operation}`;
  await bad({ operation, secrets: { control: "wrong", fs: "wrong" } }, /certificate/);
  const { environment: { certificate } } = await here.must("GET", "/1.0");
  await bad({ operation, certificate, secrets: { control: "wrong", fs: "wrong" } }, /403|Cannot reach/);
  await bad({ operation, certificate, secrets: { control: metadata.control } }, /Missing fs secret/);
  await bad({ operation: "http://127.0.0.1/1.0/operations/x", secrets: metadata }, /is not the https/);
  await bad({ operation: "https://127.0.0.1:1/1.0/operations/x", secrets: metadata }, /Cannot reach .*ECONNREFUSED/);
  await bad({ mode: "teleport" }, /teleport/);
  await eventually(async () => (await here.must("GET", json.operation)).status_code === 400, { timeout: 15_000, what: "the source gives up" });
  assert.equal(await exists(there, two), false);
});

for (const victim of ["source", "target"] as const) {
  test(`when the ${victim} is killed on the way, the source is as it was and the target has nothing`, async () => {
    await makeSource();
    await fill(here, rootOf(here, one), "120m");
    for (const delay of [150, 400]) {
      const copying = tryLxc("copy", one, `there:${two}`);
      await pause(delay);
      const daemon = victim === "source" ? here : there;
      await daemon.kill9();
      await eventually(async () => !there.running || !(await there.must("GET", "/1.0/operations?recursion=1")).running, { what: "the target has noticed" });
      await daemon.start();
      await Promise.race([copying, pause(3000)]);
      assert.equal(await read(here, one), "now");
      if (await exists(there, two)) await there.must("DELETE", urlOf(two)); // it was sooner
    }
    await lxc("copy", one, `there:${two}`);
    await assertArrived(there, two);
  });
}

test("a move that is cancelled leaves nothing", async () => {
  await makeSource();
  await fill(here, rootOf(here, one), "150m");
  const copying = tryLxc("copy", one, `there:${two}`);
  await eventually(async () => (await there.must("GET", "/1.0/operations")).running?.length > 0, { what: "it has begun" });
  const [operation] = (await there.must("GET", "/1.0/operations")).running;
  await there.must("DELETE", operation);
  assert.notEqual((await copying).code, 0);
  // It waits 10 s for one who has not come yet.
  await eventually(async () => !(await here.must("GET", "/1.0/operations")).running, { timeout: 20_000, what: "the source has noticed" });
  assert.equal(await exists(there, two), false);
});

async function berth(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await here.berthWith({ env: { BERTH_CONF: `${conf}-berth` } }, ...args);
  assert.equal(code, 0, `berth ${args.join(" ")}: ${stderr || stdout}`);
  return stdout;
}

test("berth copies, refreshes and moves between servers, and exports and imports", async () => {
  mkdirSync(`${conf}-berth`);
  writeFileSync(`${conf}-berth/config.yml`, `default-remote: local\nremotes:\n  there:\n    addr: unix://${there.socket}\n    protocol: lxd\n`);
  await makeSource();
  for (const mode of ["pull", "push", "relay"]) {
    await berth("copy", one, `there:${two}-${mode}`, "--mode", mode);
    assert.equal(await read(there, `${two}-${mode}`), "now");
  }
  await write(here, one, "newer");
  await berth("copy", one, `there:${two}-pull`, "--refresh");
  assert.equal(await read(there, `${two}-pull`), "newer");
  await berth("copy", `${one}/s0`, `there:${two}`);
  assert.equal(await read(there, two), "s0");
  await act(here, one, "start");
  const { config } = await here.must("GET", urlOf(one));
  await berth("move", one, "there:", "--stateless");
  assert.deepEqual([await exists(here, one), await statusOf(there, one), (await there.must("GET", urlOf(one))).config["volatile.uuid"]], [false, "Running", config["volatile.uuid"]]);
  await berth("export", `there:${two}`, `${conf}-berth/b.tar.gz`);
  assert.deepEqual(await there.must("GET", `${urlOf(two)}/backups`), []);
  await berth("import", `${conf}-berth/b.tar.gz`, two, "-s", "copies");
  assert.equal(await read(here, two), "s0");
});
