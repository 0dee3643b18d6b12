// The life of an instance, on the small image: every way to start, pause and end it, and what is told of that.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { act, booted, create, forceStop, importImage, initOf, instanceOf, launch, listen, remove, sh, statusOf } from "../helpers/instances.ts";
import { busyboxImages } from "../helpers/images.ts";
import { isAlive } from "../helpers/processes.ts";
import { remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

const prefix = `life${process.pid}`;
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
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
  next();
});

function next(): void {
  count += 1;
  name = `${prefix}-${count}`;
}

const get = () => daemon.must("GET", `/1.0/instances/${name}`);
const monitorOf = (init: number) => Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${init}/status`, "utf8"))?.[1]);

/** All that tells of an instance agrees on what it is. */
async function assertStatus(status: string): Promise<void> {
  const listed = await daemon.must("GET", "/1.0/instances?recursion=2");
  const inList = listed.find((one: { name: string }) => one.name === name);
  const state = await daemon.must("GET", `/1.0/instances/${name}/state`);
  assert.deepEqual([(await get()).status, inList.status, inList.state.status, state.status], [status, status, status, status]);
  assert.equal(state.pid > 0, status !== "Stopped");
}

/** Its guest heeds no wish to shut down. */
async function launchDeaf(): Promise<void> {
  await launch(daemon, name);
  await sh(daemon, name, "rm /sbin/init && printf '#!/bin/sh\\ntrap \"\" USR2 PWR TERM\\n: > /run/deaf\\nwhile :; do sleep 1; done\\n' > /sbin/init && chmod 755 /sbin/init");
  await act(daemon, name, "restart", { force: true });
  await eventually(() => sh(daemon, name, "test -e /run/deaf && echo deaf"));
}

/** The end of a container is seen at once, not at the next look round. */
async function assertStoppedSoon(monitor: number): Promise<void> {
  await eventually(() => !isAlive(monitor), { every: 1, what: "the monitor has ended" });
  await eventually(async () => (await statusOf(daemon, name)) === "Stopped", { timeout: 300, every: 5, what: "the end is seen by the hook" });
}

test("an instance that was created is stopped, has its card's address, and was never used", async () => {
  await create(daemon, name);
  await assertStatus("Stopped");
  const { config, last_used_at } = await get();
  assert.match(config["volatile.eth0.hwaddr"], /^00:16:3e(:[0-9a-f]{2}){3}$/);
  assert.equal(config["volatile.eth0.host_name"], undefined);
  assert.equal(config["volatile.last_state.power"], "STOPPED");
  assert.match(last_used_at, /^1970-01-01T00:00:00Z$/);
});

test("starts an instance, and its card has the address that was told", async () => {
  await create(daemon, name);
  const begun = Date.now();
  await using events = await listen(daemon);
  await act(daemon, name, "start");
  await assertStatus("Running");
  const { config, last_used_at } = await get();
  assert.ok(Date.parse(last_used_at) >= begun - 1000 && Date.parse(last_used_at) <= Date.now() + 1000, last_used_at);
  assert.equal(await sh(daemon, name, "cat /sys/class/net/eth0/address"), config["volatile.eth0.hwaddr"]);
  const card = config["volatile.eth0.host_name"];
  assert.equal((await daemon.inNamespace("cat", `/sys/class/net/${card}/operstate`)).stdout.trim(), "up");
  assert.equal(config["volatile.last_state.power"], "RUNNING");
  await eventually(() => events.actions(name).includes("instance-started"));
});

test("refuses to start an instance that is already running, and to stop one that is stopped", async () => {
  await launch(daemon, name);
  await assert.rejects(act(daemon, name, "start"), /The instance is already running/);
  await forceStop(daemon, name);
  await assert.rejects(forceStop(daemon, name), /The instance is already stopped/);
  await assert.rejects(act(daemon, name, "stop"), /The instance is already stopped/);
  await assert.rejects(act(daemon, name, "freeze"), /Instance is not running/);
});

test("a clean stop lets the guest shut down", async () => {
  await launch(daemon, name);
  await booted(daemon, name);
  await sh(daemon, name, "echo '::shutdown:/bin/touch /said-goodbye' >> /etc/inittab && kill -HUP 1");
  await using events = await listen(daemon);
  await act(daemon, name, "stop");
  await assertStatus("Stopped");
  await eventually(() => events.actions(name).length > 0);
  assert.deepEqual(events.actions(name), ["instance-shutdown"]);
  const { config } = await get();
  assert.equal(config["volatile.eth0.host_name"], undefined);
  assert.equal(config["volatile.last_state.power"], "STOPPED");
  await act(daemon, name, "start");
  assert.match(await sh(daemon, name, "ls /"), /said-goodbye/);
});

test("a guest that does not heed a clean stop goes on running when the time is over", async () => {
  await launchDeaf();
  const begun = Date.now();
  await assert.rejects(act(daemon, name, "stop", { timeout: 1 }), /Failed shutting down instance, status is "Running".*1 s/);
  assert.ok(Date.now() - begun >= 990);
  await assertStatus("Running");
  assert.equal(await sh(daemon, name, "echo here"), "here");
});

test("a forced stop goes ahead while a clean stop waits", async () => {
  await launchDeaf();
  const waiting = await daemon.request("PUT", `/1.0/instances/${name}/state`, { action: "stop", timeout: -1 });
  const refused = await act(daemon, name, "start").catch((error: Error) => error.message);
  assert.match(String(refused), /busy running a stop operation/);
  await forceStop(daemon, name);
  await assertStatus("Stopped");
  const { metadata } = (await daemon.request("GET", `${waiting.json.operation}/wait?timeout=5`)).json;
  assert.equal(metadata.status_code, 200, "the clean stop has what it waited for");
});

test("a forced stop while a restart waits leaves the guest stopped", async () => {
  await launchDeaf();
  const waiting = await daemon.request("PUT", `/1.0/instances/${name}/state`, { action: "restart", timeout: -1 });
  await forceStop(daemon, name);
  const { metadata } = (await daemon.request("GET", `${waiting.json.operation}/wait?timeout=5`)).json;
  assert.equal(metadata.err, "Instance is not running");
  await assertStatus("Stopped");
});

test("a forced stop ends a guest at once, also one that is frozen", async () => {
  await launch(daemon, name);
  await using events = await listen(daemon);
  await forceStop(daemon, name);
  await assertStatus("Stopped");
  await act(daemon, name, "start");
  await act(daemon, name, "freeze");
  await forceStop(daemon, name);
  await assertStatus("Stopped");
  await eventually(() => events.actions(name).length >= 4);
  assert.deepEqual(events.actions(name), ["instance-stopped", "instance-started", "instance-paused", "instance-stopped"]);
});

test("a frozen guest does nothing, cannot be entered, and goes on where it was", async () => {
  await launch(daemon, name);
  await sh(daemon, name, "(while :; do date +%s%N > /run/clock; usleep 5000; done) > /dev/null 2>&1 &");
  const clock = async () => (await daemon.inNamespace("cat", `/proc/${await initOf(daemon, name)}/root/run/clock`)).stdout;
  await eventually(clock);
  await using events = await listen(daemon);
  await act(daemon, name, "freeze");
  await assertStatus("Frozen");
  const then = await clock();
  await assert.rejects(sh(daemon, name, "true"), /Instance is frozen/);
  await assert.rejects(act(daemon, name, "freeze"), /already frozen/);
  assert.equal(await clock(), then);
  await act(daemon, name, "unfreeze");
  await assertStatus("Running");
  await eventually(async () => { const now = await clock(); return now !== "" && now !== then; });
  await assert.rejects(act(daemon, name, "unfreeze"), /not frozen/);
  assert.deepEqual(events.actions(name).filter((action) => !action.includes("exec")), ["instance-paused", "instance-resumed"]);
});

test("a clean stop thaws a frozen guest first", async () => {
  await launch(daemon, name);
  await booted(daemon, name);
  await act(daemon, name, "freeze");
  await act(daemon, name, "stop");
  await assertStatus("Stopped");
});

for (const force of [false, true]) {
  test(`a ${force ? "forced" : "clean"} restart gives the guest a new life with the same card, and is told as one event`, async () => {
    await launch(daemon, name);
    await booted(daemon, name);
    const [init, { config }] = [await initOf(daemon, name), await get()];
    await using events = await listen(daemon);
    await act(daemon, name, "restart", { force });
    await assertStatus("Running");
    assert.notEqual(await initOf(daemon, name), init);
    assert.equal((await get()).config["volatile.eth0.hwaddr"], config["volatile.eth0.hwaddr"]);
    await eventually(() => events.actions(name).length > 0);
    assert.deepEqual(events.actions(name), ["instance-restarted"]);
  });
}

test("a guest that reboots itself comes back, with a configuration of now", async () => {
  await launch(daemon, name);
  await booted(daemon, name);
  const init = await initOf(daemon, name);
  await daemon.must("PATCH", `/1.0/instances/${name}`, { config: { "environment.COLOUR": "green" } });
  await using events = await listen(daemon);
  await daemon.berth("exec", name, "--", "reboot");
  await eventually(async () => { const now = await initOf(daemon, name); return now > 0 && now !== init; });
  await assertStatus("Running");
  await eventually(() => events.actions(name).includes("instance-restarted"));
  assert.deepEqual(events.actions(name).filter((action) => action !== "instance-exec"), ["instance-restarted"]);
  assert.match(readFileSync(`/proc/${await initOf(daemon, name)}/environ`, "utf8"), /COLOUR=green/);
});

test("a guest that powers itself off is stopped", async () => {
  await launch(daemon, name);
  await booted(daemon, name);
  await using events = await listen(daemon);
  const monitor = monitorOf(await initOf(daemon, name));
  await daemon.berth("exec", name, "--", "poweroff");
  await assertStoppedSoon(monitor);
  await assertStatus("Stopped");
  assert.deepEqual(events.actions(name).filter((action) => action !== "instance-exec"), ["instance-shutdown"]);
});

test("a guest whose init is killed is stopped, and starts again", async () => {
  await launch(daemon, name);
  await using events = await listen(daemon);
  const init = await initOf(daemon, name);
  const monitor = monitorOf(init);
  process.kill(init, "SIGKILL");
  await assertStoppedSoon(monitor);
  await assertStatus("Stopped");
  await eventually(() => events.actions(name).length > 0);
  assert.deepEqual(events.actions(name), ["instance-shutdown"]);
  await act(daemon, name, "start");
  await assertStatus("Running");
});

test("a guest whose monitor is killed ends with it, and starts again", async () => {
  await launch(daemon, name);
  const init = await initOf(daemon, name);
  process.kill(monitorOf(init), "SIGKILL");
  await eventually(async () => (await statusOf(daemon, name)) === "Stopped", { timeout: 2000 });
  assert.equal(isAlive(init), false, "nothing runs that is called stopped");
  await act(daemon, name, "start");
  await assertStatus("Running");
  assert.equal(await sh(daemon, name, "echo here"), "here");
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
});

test("an ephemeral instance is gone when it stops, by whoever's wish, but not when it restarts", async () => {
  await using events = await listen(daemon);
  const gone = () => eventually(async () => (await daemon.request("GET", `/1.0/instances/${name}`)).status === 404);
  const ends: (() => Promise<unknown>)[] = [
    () => forceStop(daemon, name), () => act(daemon, name, "stop"), () => daemon.berth("exec", name, "--", "poweroff"),
  ];
  for (const end of ends) {
    await launch(daemon, name, { ephemeral: true });
    await booted(daemon, name);
    await act(daemon, name, "restart", { force: true });
    await booted(daemon, name);
    await end();
    await gone();
  }
  await eventually(() => events.actions(name).filter((action) => action === "instance-deleted").length === 3);
});

test("an instance whose init cannot be run says so, and can be deleted", async () => {
  await launch(daemon, name);
  await sh(daemon, name, "rm /sbin/init");
  await forceStop(daemon, name);
  await assert.rejects(act(daemon, name, "start"), /Failed to start instance ".*": .*(init|No such file)/);
  await assertStatus("Stopped");
  await remove(daemon, name);
});

test("a card's address is kept across restarts, and a chosen one is used", async () => {
  const eth0 = { type: "nic", network: "berthbr0", name: "eth0", hwaddr: "00:16:3e:12:34:56" };
  await daemon.must("POST", "/1.0/instances", instanceOf(name, { devices: { eth0 } }));
  await act(daemon, name, "start");
  assert.equal(await sh(daemon, name, "cat /sys/class/net/eth0/address"), "00:16:3e:12:34:56");
  assert.equal((await get()).config["volatile.eth0.hwaddr"], undefined);
});
