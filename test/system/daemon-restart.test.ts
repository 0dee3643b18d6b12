// What runs goes on running while the daemon is away, and the next daemon knows all that happened meanwhile.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { act, booted, importImage, initOf, launch, sh, statusOf } from "../helpers/instances.ts";
import { busyboxImages } from "../helpers/images.ts";
import { isAlive } from "../helpers/processes.ts";
import { remains } from "../helpers/remains.ts";
import { eventually } from "../helpers/wait.ts";

const prefix = `back${process.pid}`;
const name = `${prefix}-1`;
let daemon: Daemon;

before(async () => {
  // One lxcfs of its own, whatever the machine has.
  daemon = await startDaemon({ prepare: (made) => made.inNamespace("umount", "--lazy", "/var/lib/lxcfs") });
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  if (!daemon.running) await daemon.start();
  await daemon.deleteInstances();
  assert.deepEqual(await remains(daemon, new RegExp(`^${prefix}`)), []);
});

const configOf = async () => (await daemon.must("GET", `/1.0/instances/${name}`)).config;
const monitorOf = (init: number) => Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${init}/status`, "utf8"))?.[1]);

/** The init below a monitor; 0 when there is none. */
function initBelow(monitor: number): number {
  const children = readFileSync(`/proc/${monitor}/task/${monitor}/children`, "utf8").trim().split(" ");
  return Number(children.find((pid) => /^NSpid:\t\d+\t1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) ?? 0);
}
const pidIn = (file: string) => Number(/^(?:pid: )?(\d+)$/m.exec(readFileSync(`${daemon.dir}/${file}`, "utf8"))?.[1]);

/** Runs a program in the guest while no daemon is there. */
function attach(...command: string[]) {
  return daemon.inNamespace("lxc-attach", "-P", `${daemon.dir}/containers`, "-n", name, "--", ...command);
}

const ends: Record<string, () => Promise<void>> = { "was asked to end": () => daemon.stop(), "was killed": () => daemon.kill9() };
for (const [how, end] of Object.entries(ends)) {
  test(`a guest goes on when the daemon ${how}, and obeys the next one`, async () => {
    await launch(daemon, name);
    await booted(daemon, name);
    const [init, config] = [await initOf(daemon, name), await configOf()];
    await sh(daemon, name, "echo kept > /tmp/kept");
    await end();
    assert.ok(isAlive(init));
    await daemon.start();
    assert.equal(await initOf(daemon, name), init);
    assert.equal(await statusOf(daemon, name), "Running");
    assert.deepEqual(await configOf(), config);
    assert.equal(await sh(daemon, name, "cat /tmp/kept"), "kept");
    const state = await daemon.must("GET", `/1.0/instances/${name}/state`);
    assert.equal(state.network.eth0.host_name, config["volatile.eth0.host_name"]);
    await act(daemon, name, "stop");
    assert.equal(await statusOf(daemon, name), "Stopped");
    assert.equal(isAlive(init), false);
    await act(daemon, name, "start");
    assert.equal((await configOf())["volatile.eth0.hwaddr"], config["volatile.eth0.hwaddr"]);
  });

  test(`a frozen guest is known to be frozen after the daemon ${how}`, async () => {
    await launch(daemon, name);
    await act(daemon, name, "freeze");
    await end();
    await daemon.start();
    assert.equal(await statusOf(daemon, name), "Frozen");
    await act(daemon, name, "unfreeze");
    assert.equal(await sh(daemon, name, "echo here"), "here");
  });

  test(`dnsmasq and lxcfs are taken over from a daemon that ${how}`, async () => {
    await launch(daemon, name);
    const before = [pidIn("networks/berthbr0/dnsmasq.pid"), pidIn("lxcfs.pid")];
    await end();
    assert.deepEqual(before.map(isAlive), [true, true]);
    await daemon.start();
    assert.deepEqual([pidIn("networks/berthbr0/dnsmasq.pid"), pidIn("lxcfs.pid")], before);
    assert.deepEqual(before.map(isAlive), [true, true]);
  });
}

test("a dnsmasq that died while the daemon was away is started anew", async () => {
  const dnsmasq = pidIn("networks/berthbr0/dnsmasq.pid");
  await daemon.kill9();
  process.kill(dnsmasq, "SIGKILL");
  await daemon.start();
  assert.notEqual(pidIn("networks/berthbr0/dnsmasq.pid"), dnsmasq);
  assert.ok(isAlive(pidIn("networks/berthbr0/dnsmasq.pid")));
  await launch(daemon, name);
  await eventually(() => sh(daemon, name, "ip -4 addr show eth0 | grep 'inet '"), { what: "the guest has an address" });
});

test("a guest that stopped while the daemon was away is stopped, and stays so", async () => {
  await launch(daemon, name);
  const init = await initOf(daemon, name);
  await daemon.kill9();
  process.kill(init, "SIGKILL");
  await eventually(() => !isAlive(init));
  await daemon.start();
  const config = await configOf();
  assert.equal(await statusOf(daemon, name), "Stopped");
  assert.equal(config["volatile.last_state.power"], "STOPPED");
  assert.equal(config["volatile.eth0.host_name"], undefined);
  await act(daemon, name, "start");
  assert.equal(await sh(daemon, name, "echo here"), "here");
});

test("an ephemeral guest that stopped while the daemon was away is gone", async () => {
  await launch(daemon, name, { ephemeral: true });
  const init = await initOf(daemon, name);
  await daemon.stop();
  process.kill(init, "SIGKILL");
  await eventually(() => !isAlive(init));
  await daemon.start();
  await eventually(async () => (await daemon.request("GET", `/1.0/instances/${name}`)).status === 404);
});

test("an instance with boot.autostart starts with the daemon", async () => {
  await launch(daemon, name, { config: { "boot.autostart": "true" } });
  await act(daemon, name, "stop", { force: true });
  await daemon.restart();
  await eventually(async () => (await statusOf(daemon, name)) === "Running");
});

test("a guest that reboots while the daemon is away is brought back by liblxc, and known to the next daemon", async () => {
  await launch(daemon, name);
  await booted(daemon, name);
  const init = await initOf(daemon, name);
  const monitor = monitorOf(init);
  await daemon.stop();
  await attach("reboot", "-f");
  const next = await eventually(() => (isAlive(init) ? 0 : initBelow(monitor)), { what: "liblxc starts another init" });
  await daemon.start();
  assert.equal(await initOf(daemon, name), next);
  assert.equal(await sh(daemon, name, "echo here"), "here");
  await act(daemon, name, "stop", { force: true });
  assert.equal(isAlive(next), false);
});

test("a guest that reboots in the very moment the daemon starts runs afterwards, and the daemon knows it", async () => {
  await launch(daemon, name);
  for (let delay = 0; delay <= 240; delay += 40) {
    await daemon.kill9();
    const rebooting = new Promise((resolve) => setTimeout(resolve, delay)).then(() => attach("reboot", "-f"));
    await daemon.start();
    await rebooting;
    await eventually(async () => (await statusOf(daemon, name)) === "Running" && (await sh(daemon, name, "echo here")) === "here", {
      what: `it runs after a reboot ${delay} ms into the daemon's start`,
    });
    assert.ok(isAlive(await initOf(daemon, name)));
  }
});
