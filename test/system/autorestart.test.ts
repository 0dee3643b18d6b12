// boot.autorestart: a guest whose init ends by a fault comes back, one that shut down does not, and the user has the last word.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { act, booted, importImage, initOf, launch, listen, remove, sh, statusOf } from "../helpers/instances.ts";
import { busyboxImages } from "../helpers/images.ts";
import { isAlive } from "../helpers/processes.ts";
import { remains } from "../helpers/remains.ts";
import { eventually, pause } from "../helpers/wait.ts";

const prefix = `again${process.pid}`;
const config = { "boot.autorestart": "true" };
let daemon: Daemon;
let count = 0;
let name: string;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  next();
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
  next();
});

function next(): void {
  name = `${prefix}-${++count}`;
}

/** Ends the guest's init as a crash would, and waits until the daemon knows; resolves with the time the next one took, if it is to come. */
async function crash({ comesBack }: { comesBack: boolean }): Promise<number> {
  const init = await initOf(daemon, name);
  process.kill(init, "SIGKILL");
  const since = Date.now();
  await eventually(async () => {
    const now = await initOf(daemon, name);
    return comesBack ? ![0, init].includes(now) : now === 0;
  }, { what: comesBack ? "it runs again" : "it has stopped" });
  return Date.now() - since;
}
const isBack = () => eventually(async () => (await statusOf(daemon, name)) === "Running", { what: "it runs again" });
const isDown = () => eventually(async () => (await statusOf(daemon, name)) === "Stopped", { what: "it has stopped" });
const powerOf = async () => (await daemon.must("GET", `/1.0/instances/${name}`)).config["volatile.last_state.power"];

/** Launches one that crashes until it has to wait a second for its start, and is down. */
async function waits(): Promise<void> {
  await launch(daemon, name, { config });
  await crash({ comesBack: true });
  await crash({ comesBack: false });
}

test("a crash is answered by a start at once, the next ones after ever longer waits", async () => {
  await using events = await listen(daemon);
  await launch(daemon, name, { config });
  const waited = [await crash({ comesBack: true }), await crash({ comesBack: true }), await crash({ comesBack: true })];
  assert.ok(waited[1]! >= 900 && waited[2]! >= 1900 && waited[0]! < waited[2]!, String(waited));
  assert.deepEqual(events.actions(name).slice(0, 6), ["instance-created", "instance-started", ...Array(2).fill(["instance-shutdown", "instance-restarted"])].flat());
});

test("without the key a crash is an end", async () => {
  await launch(daemon, name);
  await crash({ comesBack: false });
  await pause(500);
  assert.deepEqual([await statusOf(daemon, name), await powerOf()], ["Stopped", "STOPPED"]);
});

test("a shutdown from inside is an end, a reboot is none", async () => {
  await launch(daemon, name, { config });
  await booted(daemon, name);
  const init = await initOf(daemon, name);
  await sh(daemon, name, "reboot");
  await eventually(async () => ![0, init].includes(await initOf(daemon, name)));
  await booted(daemon, name);
  await sh(daemon, name, "poweroff");
  await isDown();
  await pause(500);
  assert.deepEqual([await statusOf(daemon, name), await powerOf()], ["Stopped", "STOPPED"]);
});

test("a stop that a user asks for is one, by force or not", async () => {
  await launch(daemon, name, { config });
  await booted(daemon, name);
  await act(daemon, name, "stop");
  await act(daemon, name, "start");
  await act(daemon, name, "stop", { force: true });
  await pause(500);
  assert.equal(await statusOf(daemon, name), "Stopped");
});

for (const all of [false, true]) {
  test(`a user's stop ${all ? "of all " : ""}ends the waiting`, async () => {
    await waits();
    assert.equal(await powerOf(), "RUNNING");
    if (all) await daemon.must("PUT", "/1.0/instances", { state: { action: "stop", timeout: 30 } });
    else await act(daemon, name, "stop");
    await pause(1500);
    assert.deepEqual([await statusOf(daemon, name), await powerOf()], ["Stopped", "STOPPED"]);
    const again = await daemon.must("PUT", `/1.0/instances/${name}/state`, { action: "stop" }).catch((error: Error) => error);
    assert.match(String(again), /already stopped/);
  });
}

test("a user's start comes before the waiting ends, a delete ends it, and a changed mind does", async () => {
  await waits();
  await act(daemon, name, "start");
  assert.ok((await crash({ comesBack: true })) < 900, "the count begins anew");
  await crash({ comesBack: false });
  await remove(daemon, name);
  next();
  await waits();
  await daemon.must("PATCH", `/1.0/instances/${name}`, { config: { "boot.autorestart": "" } });
  await pause(1500);
  assert.deepEqual([await statusOf(daemon, name), await powerOf()], ["Stopped", "STOPPED"]);
});

test("a start that fails is tried again", async () => {
  await waits();
  const rootfs = `${daemon.dir}/storage-pools/default/containers/${name}/rootfs`;
  const init = `${rootfs}/sbin/init`;
  const { code, stderr } = await daemon.inNamespace("mv", init, `${init}.away`);
  assert.equal(code, 0, stderr);
  await eventually(() => /was not started again/.test(daemon.log()), { what: "a start fails" });
  await daemon.inNamespace("mv", `${init}.away`, init);
  await isBack();
});

test("a monitor that is killed counts as a crash", async () => {
  await launch(daemon, name, { config });
  const init = await initOf(daemon, name);
  process.kill(Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${init}/status`, "utf8"))?.[1]), "SIGKILL");
  await eventually(async () => ![0, init].includes(await initOf(daemon, name)));
});

test("the next daemon goes on: with one that crashed meanwhile, and one that waits; not with one that shut down", async () => {
  await launch(daemon, name, { config });
  await booted(daemon, name);
  const crashed = await initOf(daemon, name);
  await daemon.kill9();
  process.kill(crashed, "SIGKILL");
  await eventually(() => !isAlive(crashed));
  await daemon.start();
  await isBack();
  next();
  await waits();
  await daemon.restart();
  await isBack();
  await booted(daemon, name);
  const init = await initOf(daemon, name);
  await daemon.stop();
  await daemon.inNamespace("lxc-attach", "-P", `${daemon.dir}/containers`, "-n", name, "--", "poweroff");
  await eventually(() => !isAlive(init));
  await daemon.start();
  await pause(500);
  assert.deepEqual([await statusOf(daemon, name), await powerOf()], ["Stopped", "STOPPED"]);
});
