// Profiles and the guests that use them: what `lxc profile …` changes reaches all that run, each for itself.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { cgroupOf } from "../helpers/cgroups.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, forceStop, importImage, launch, listen, sh } from "../helpers/instances.ts";

const prefix = `prof${process.pid}`;
const [one, two, idle] = [`${prefix}-1`, `${prefix}-2`, `${prefix}-3`];
const mib = 2 ** 20;
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(async () => {
  await daemon.deleteInstances();
  for (const url of await daemon.must("GET", "/1.0/profiles")) {
    if (!url.endsWith("/default")) await daemon.must("DELETE", url);
  }
});

async function lxc(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.lxc(...args);
  assert.equal(code, 0, `lxc ${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function lxcFails(message: RegExp, ...args: string[]): Promise<void> {
  const { code, stderr } = await daemon.lxc(...args);
  assert.notEqual(code, 0);
  assert.match(stderr, message);
}

function limit(file: string, name: string): string {
  return readFileSync(`${cgroupOf(name, file.split(".")[0] ?? "")}/${file}`, "utf8").trim();
}
const pids = (name: string) => limit("pids.max", name);
const memory = (name: string) => limit("memory.limit_in_bytes", name);
const profiles = async (name: string) => (await daemon.must("GET", `/1.0/instances/${name}`)).profiles;

/** Two guests that run and one that does not, all with the profile "p". */
async function launchAll(): Promise<void> {
  await lxc("profile", "create", "p");
  for (const name of [one, two]) await launch(daemon, name);
  await create(daemon, idle);
  for (const name of [one, two, idle]) await lxc("profile", "add", name, "p");
}

test("a profile that is edited reaches all guests that run with it, and others when they start", async () => {
  await launchAll();
  await using events = await listen(daemon);
  await lxc("profile", "set", "p", "limits.processes=77", "limits.memory=64MiB");
  assert.deepEqual([pids(one), pids(two), memory(one)], ["77", "77", `${64 * mib}`]);
  assert.deepEqual(events.actions(one), ["instance-updated"]);
  await act(daemon, idle, "start");
  assert.equal(pids(idle), "77");
  await daemon.must("PATCH", "/1.0/profiles/p", { config: { "limits.processes": "78" } });
  assert.deepEqual([pids(one), pids(idle), memory(one)], ["78", "78", `${64 * mib}`]);
  await lxc("profile", "unset", "p", "limits.processes");
  assert.deepEqual([pids(one), pids(two)], ["max", "max"]);
});

test("an instance's own value stays over its profiles', and a later profile's over an earlier one's", async () => {
  await launchAll();
  await lxc("config", "set", one, "limits.processes", "11");
  await lxc("profile", "create", "q");
  await lxc("profile", "set", "q", "limits.processes", "22");
  await lxc("profile", "add", two, "q");
  assert.equal(pids(two), "22");
  await lxc("profile", "set", "p", "limits.processes", "33");
  assert.deepEqual([pids(one), pids(two)], ["11", "22"]);
  await lxc("config", "unset", one, "limits.processes");
  await lxc("profile", "remove", two, "q");
  assert.deepEqual([pids(one), pids(two)], ["33", "33"]);
});

test("assigning, adding and removing profiles changes a running guest's limits and devices", async () => {
  await launch(daemon, one);
  await lxc("profile", "create", "q");
  await lxc("profile", "set", "q", "limits.processes", "44");
  await lxc("profile", "device", "add", "q", "gone", "none");
  await lxc("profile", "assign", one, "default,q");
  assert.deepEqual([pids(one), await profiles(one)], ["44", ["default", "q"]]);
  assert.deepEqual((await daemon.must("GET", `/1.0/instances/${one}`)).expanded_devices.gone, { type: "none" });
  await lxc("profile", "assign", one, "default");
  assert.deepEqual([pids(one), await profiles(one)], ["max", ["default"]]);
  await lxcFails(/Requested profile "nope" doesn't exist|Profile not found/, "profile", "add", one, "nope");
  await lxcFails(/root disk/, "profile", "assign", one, "");
  assert.deepEqual(await profiles(one), ["default"]);
});

test("a device that a profile gets, changes or loses is plugged into and out of all guests that run", async () => {
  await launchAll();
  const cards = async () => [await sh(daemon, one, "ls /sys/class/net"), await sh(daemon, two, "ls /sys/class/net")].map((text) => text.includes("eth7"));
  await lxc("profile", "device", "add", "p", "card", "nic", "nictype=p2p", "name=eth7");
  assert.deepEqual(await cards(), [true, true]);
  await lxc("profile", "device", "set", "p", "card", "name", "eth8");
  assert.match(await sh(daemon, one, "ls /sys/class/net"), /eth8/);
  assert.deepEqual(await cards(), [false, false]);
  await lxc("profile", "remove", two, "p");
  assert.doesNotMatch(await sh(daemon, two, "ls /sys/class/net"), /eth8/);
  await lxc("profile", "device", "remove", "p", "card");
  assert.doesNotMatch(await sh(daemon, one, "ls /sys/class/net"), /eth8/);
  await lxcFails(/Device validation failed for "card"/, "profile", "device", "add", "p", "card", "nic", "nictype=sofa");
});

test("one guest that cannot follow is named, the others have the change, and the next change reaches it", async () => {
  await launchAll();
  await sh(daemon, two, "mount -t tmpfs tmpfs /mnt && dd if=/dev/zero of=/mnt/x bs=1M count=40");
  const failure = new RegExp(`The following instances failed to update \\(profile change still saved\\):\\n - Project: default, Instance: ${two}: "limits\\.memory": 16\\.0 MiB is below`);
  await lxcFails(failure, "profile", "set", "p", "limits.memory=16MiB", "limits.processes=66");
  assert.deepEqual([memory(one), pids(one)], [`${16 * mib}`, "66"]);
  assert.deepEqual([Number(memory(two)) > 2 ** 40, pids(two)], [true, "max"]);
  assert.equal((await daemon.must("GET", "/1.0/profiles/p")).config["limits.memory"], "16MiB");
  await sh(daemon, two, "rm /mnt/x");
  await lxc("profile", "set", "p", "user.again", "1");
  assert.deepEqual([memory(two), pids(two)], [`${16 * mib}`, "66"]);
});

test("an edit that is wrong changes nothing, neither the profile nor a guest", async () => {
  await launchAll();
  await lxc("profile", "set", "p", "limits.processes", "55");
  const put = (body: object) => daemon.request("PUT", "/1.0/profiles/p", body);
  for (const body of [
    { config: { "limits.processes": "none" } }, { config: { "limits.processes": "5", "limits.prozesses": "5" } }, { config: { "volatile.a": "b" } },
    { config: { "raw.lxc": "lxc.log.file = x" } }, { config: { "limits.processes": "5" }, devices: { d: { type: "sofa" } } },
    { config: { "limits.processes": "5" }, devices: { root: { type: "none" } } },
  ]) {
    assert.equal((await put(body)).status, 400, JSON.stringify(body));
    assert.deepEqual([pids(one), pids(two)], ["55", "55"]);
    assert.deepEqual((await daemon.must("GET", "/1.0/profiles/p")).config, { "limits.processes": "55" });
  }
});

test("many edits at once come one after the other, and the last one holds", async () => {
  await launchAll();
  await Promise.all(Array.from({ length: 10 }, (_, i) => daemon.must("PATCH", "/1.0/profiles/p", { config: { "limits.processes": String(100 + i) } })));
  const kept = (await daemon.must("GET", "/1.0/profiles/p")).config["limits.processes"];
  assert.deepEqual([pids(one), pids(two)], [kept, kept]);
});

test("a renamed profile goes on holding, and one in use is not deleted", async () => {
  await launchAll();
  await lxc("profile", "rename", "p", "r");
  await lxc("profile", "set", "r", "limits.processes", "88");
  assert.deepEqual([pids(one), await profiles(one)], ["88", ["default", "r"]]);
  await lxc("profile", "copy", "r", "s");
  assert.equal((await daemon.must("GET", "/1.0/profiles/s")).config["limits.processes"], "88");
  await lxcFails(/Profile is currently in use/, "profile", "delete", "r");
});

test("keys that cannot change while a guest runs are kept, and hold from its next start", async () => {
  await launchAll();
  await lxc("profile", "set", "p", "linux.sysctl.net.ipv4.ip_forward", "1");
  assert.equal(await sh(daemon, one, "cat /proc/sys/net/ipv4/ip_forward"), "0");
  await forceStop(daemon, one);
  await act(daemon, one, "start");
  assert.equal(await sh(daemon, one, "cat /proc/sys/net/ipv4/ip_forward"), "1");
});

test("a profile that changed while the daemon was killed holds once it is back", async () => {
  await launchAll();
  await lxc("profile", "set", "p", "limits.processes", "70");
  await daemon.kill9();
  await daemon.start();
  assert.equal(pids(one), "70");
  await lxc("profile", "set", "p", "limits.processes", "71");
  assert.deepEqual([pids(one), pids(two)], ["71", "71"]);
});
