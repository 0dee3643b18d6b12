// The machine goes down: instances stop in order, none is forgotten, and all are there again with the next daemon.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { upgrade } from "../api/sockets.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { exec, type Result } from "../helpers/exec.ts";
import { act, booted, importImage, initOf, launch, listen, statusOf } from "../helpers/instances.ts";
import { busyboxImages, debianImage } from "../helpers/images.ts";
import { isAlive } from "../helpers/processes.ts";
import { remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

const berthd = fileURLToPath(new URL("../../dist/berthd", import.meta.url));
const prefix = `down${process.pid}`;
const [a, b, c] = [`${prefix}-a`, `${prefix}-b`, `${prefix}-c`];
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await importImage(daemon, await debianImage(), "debian");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
});

const shutdown = (...args: string[]): Promise<Result> => exec(berthd, ["shutdown", ...args], { env: { BERTH_DIR: daemon.dir } });
const powerOf = async (name: string) => (await daemon.must("GET", `/1.0/instances/${name}`)).config["volatile.last_state.power"];
const runs = (name: string) => eventually(async () => (await statusOf(daemon, name)) === "Running", { what: `${name} runs again` });
const ended = () => eventually(() => !daemon.running, { what: "the daemon has ended", timeout: 40_000 });

/** Makes a guest whose init takes no request to shut down. */
async function deafen(name: string): Promise<void> {
  process.kill(await initOf(daemon, name), "SIGSTOP");
}

/** When each of these processes ended, as far as the others tell. */
async function orderOfEnds(inits: Record<string, number>): Promise<string[]> {
  const left = new Map(Object.entries(inits));
  const order: string[] = [];
  await eventually(() => {
    for (const [name, pid] of left) {
      if (!isAlive(pid)) {
        order.push(name);
        left.delete(name);
      }
    }
    return left.size === 0;
  }, { every: 2, timeout: 40_000, what: "all have stopped" });
  return order;
}

test("instances stop by priority, systemd and busybox alike, and come back with the next daemon", async () => {
  await launch(daemon, a, { config: { "boot.stop.priority": "1" } });
  await launch(daemon, b, { alias: "debian", config: { "boot.stop.priority": "10" } });
  await launch(daemon, c);
  await Promise.all([booted(daemon, a), booted(daemon, b, "debian"), booted(daemon, c)]);
  const inits = { [a]: await initOf(daemon, a), [b]: await initOf(daemon, b), [c]: await initOf(daemon, c) };
  const ordered = orderOfEnds(inits);
  const { code, stderr } = await shutdown("--timeout", "60");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(await ordered, [b, a, c]);
  await eventually(() => !daemon.running, { what: "berthd has ended" });
  await daemon.start();
  await Promise.all([a, b, c].map(runs));
  assert.deepEqual(await Promise.all([a, b, c].map(powerOf)), ["RUNNING", "RUNNING", "RUNNING"]);
});

test("what was stopped before stays stopped, and so does what is not to start by itself", async () => {
  await launch(daemon, a);
  await act(daemon, a, "stop", { force: true });
  await launch(daemon, b, { config: { "boot.autostart": "false", "boot.host_shutdown_timeout": "0" } });
  assert.equal((await daemon.berth("admin", "shutdown", "-t", "60")).code, 0);
  await daemon.start();
  await launch(daemon, c); // by then the daemon has started what it starts
  assert.deepEqual([await statusOf(daemon, a), await statusOf(daemon, b)], ["Stopped", "Stopped"]);
});

test("a guest that ignores the request is killed in its time; meanwhile only the server answers", async () => {
  await launch(daemon, a, { config: { "boot.host_shutdown_timeout": "3" } });
  await booted(daemon, a);
  await deafen(a);
  await using events = await listen(daemon);
  const started = Date.now();
  const going = shutdown();
  await eventually(async () => (await daemon.request("GET", "/1.0/instances")).status === 503);
  const refused = await daemon.request("POST", "/1.0/instances", { name: "x", source: { type: "none" } });
  assert.deepEqual([refused.status, refused.json.error], [503, "LXD is shutting down"]);
  assert.match(await upgrade(daemon, `/1.0/instances/${a}/sftp`, "sftp"), /^HTTP\/1\.1 503 /);
  assert.equal((await daemon.request("GET", "/1.0")).status, 200);
  assert.equal((await daemon.request("GET", "/1.0/operations")).status, 200);
  const gaveUp = await shutdown("--timeout", "1"); // a second one joins in, and may give up
  assert.deepEqual([gaveUp.code, gaveUp.stderr], [1, "Error: berthd is still running after 1s timeout\n"]);
  assert.equal((await going).code, 0);
  const took = Date.now() - started;
  assert.ok(took >= 2900 && took < 15_000, `${took} ms`);
  assert.deepEqual(events.actions(`${a}`), ["instance-stopped"]);
  await daemon.start();
  await runs(a);
});

test("SIGPWR does the same, and more signals change nothing of it", async () => {
  await launch(daemon, a, { config: { "boot.host_shutdown_timeout": "2" } });
  await booted(daemon, a);
  await deafen(a);
  const init = await initOf(daemon, a);
  const pid = daemon.pid;
  process.kill(pid, "SIGPWR");
  await eventually(async () => (await daemon.request("GET", "/1.0/instances")).status === 503);
  for (const signal of ["SIGTERM", "SIGPWR", "SIGINT", "SIGHUP"] as const) process.kill(pid, signal);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(isAlive(pid) && isAlive(init), "it still waits for the guest");
  await ended();
  assert.equal(isAlive(init), false);
  await daemon.start();
  await runs(a);
});

test("SIGTERM leaves the instances running", async () => {
  await launch(daemon, a);
  const init = await initOf(daemon, a);
  await daemon.stop();
  assert.ok(isAlive(init));
  await daemon.start();
  assert.equal(await initOf(daemon, a), init);
});

test("a daemon killed in the middle of it loses nobody: all run again under the next one", async () => {
  await launch(daemon, a, { config: { "boot.stop.priority": "2" } });
  await launch(daemon, b, { config: { "boot.stop.priority": "1" } });
  await launch(daemon, c);
  await Promise.all([a, b, c].map((name) => booted(daemon, name)));
  await deafen(b);
  const [first, untouched] = [await initOf(daemon, a), await initOf(daemon, c)];
  const going = shutdown("--timeout", "30");
  await eventually(() => !isAlive(first), { what: "the first has stopped" });
  await eventually(() => readFileSync(`${daemon.dir}/database/stopped-with-host`, "utf8").includes(b), { what: "the second is asked" });
  await daemon.kill9();
  assert.equal((await going).code, 0); // it is gone, which was what was wanted
  await daemon.start();
  await Promise.all([a, b, c].map(runs));
  assert.equal(await initOf(daemon, c), untouched);
  // The deaf one heard the request of the last daemon: should it stop by it after all, it is to run again.
  const old = await initOf(daemon, b);
  process.kill(old, "SIGKILL");
  await eventually(async () => ![0, old].includes(await initOf(daemon, b)), { what: "it is started again" });
});

test("an instance whose stop somebody waits for is not started again; one that restarts is", async () => {
  for (const name of [a, b]) {
    await launch(daemon, name, { config: { "boot.host_shutdown_timeout": "1" } });
    await booted(daemon, name);
    await deafen(name);
  }
  const asked = [["stop", a], ["restart", b]].map(([action, name]) => daemon.request("PUT", `/1.0/instances/${name}/state`, { action, timeout: -1 }));
  await Promise.all(asked);
  assert.equal((await shutdown()).code, 0);
  await daemon.start();
  await runs(b);
  assert.equal(await statusOf(daemon, a), "Stopped");
});

test("berthd waitready waits until it serves, and says when nobody does", async () => {
  await daemon.stop();
  const late = await exec(berthd, ["waitready", "--timeout", "1"], { env: { BERTH_DIR: daemon.dir } });
  assert.deepEqual([late.code, late.stderr], [1, "Error: berthd is still not running after 1s timeout\n"]);
  const nobody = await shutdown();
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /^Error: berthd does not run: no answer on .*unix\.socket/);
  const waiting = spawn(berthd, ["waitready"], { env: { ...process.env, BERTH_DIR: daemon.dir } });
  const exited = once(waiting, "exit");
  await daemon.start();
  assert.deepEqual(await exited, [0, null]);
  for (const args of [["nonsense"], ["shutdown", "more"], ["shutdown", "--timeout", "soon"]]) {
    assert.equal((await exec(berthd, args, { env: { BERTH_DIR: daemon.dir } })).code, 1);
  }
});
