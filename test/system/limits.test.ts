// Limits of guests: at their start and while they run, on the machine's own cgroups; what the kernel refuses is told, and nothing changes.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { after, afterEach, before, test } from "node:test";
import { cgroupOf } from "../helpers/cgroups.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { busyboxImages } from "../helpers/images.ts";
import { act, create, forceStop, importImage, initOf, launch, sh, statusOf } from "../helpers/instances.ts";
import { eventually } from "../helpers/wait.ts";

const prefix = `lim${process.pid}`;
const [name, other] = [`${prefix}-1`, `${prefix}-2`];
const mib = 2 ** 20;
let daemon: Daemon;

before(async () => {
  daemon = await startDaemon();
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
});
after(() => daemon?.[Symbol.asyncDispose]());
afterEach(() => daemon.deleteInstances());

/** A file of a guest's cgroups; "-1" for what stands for no limit. */
function file(path: string, of = name): string {
  const [controller = ""] = path.split(".");
  const text = readFileSync(`${cgroupOf(of, controller)}/${path}`, "utf8").trim();
  return Number(text) > 2 ** 62 ? "-1" : text;
}
const files = (...paths: string[]) => paths.map((path) => file(path));
const memory = () => files("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.swappiness");
const patch = (config: Record<string, string>, of = name) => daemon.must("PATCH", `/1.0/instances/${of}`, { config });
const refused = (config: Record<string, string>, message: RegExp) => assert.rejects(patch(config), message);
const configOf = async (key: string) => (await daemon.must("GET", `/1.0/instances/${name}`)).config[key];
const cpus = readFileSync("/sys/fs/cgroup/cpuset/cpuset.effective_cpus", "utf8").trim();

test("a guest starts with all its limits, and has the same again after a reboot", async () => {
  await launch(daemon, name, { config: {
    "limits.memory": "64MiB", "limits.memory.swap": "false", "limits.processes": "60", "limits.cpu": "1-1", "limits.cpu.allowance": "20ms/50ms",
    "limits.cpu.priority": "4", "limits.kernel.nofile": "123:456", "linux.sysctl.net.ipv4.ip_forward": "1", "environment.HUE": "red",
    "raw.lxc": "lxc.environment = FROM=raw",
  } });
  const check = async () => {
    assert.deepEqual(memory(), [`${64 * mib}`, `${64 * mib}`, String(Math.floor(57.6 * mib / 4096) * 4096), "0"]);
    assert.deepEqual(files("pids.max", "cpuset.cpus", "cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us"), ["60", "1", "1018", "50000", "20000"]);
    assert.match(readFileSync(`/proc/${await initOf(daemon, name)}/limits`, "utf8"), /^Max open files\s+123\s+456\s/m);
    assert.equal(await sh(daemon, name, "cat /proc/sys/net/ipv4/ip_forward; echo $HUE"), "1\nred");
    assert.equal(await sh(daemon, name, "ulimit -Sn; ulimit -Hn; echo $FROM"), "123\n456\nraw", "programs of an exec have what init has");
  };
  await check();
  await patch({ "limits.kernel.nofile": "200", "raw.lxc": "" }); // of the next start
  await check();
  await patch({ "limits.kernel.nofile": "123:456", "raw.lxc": "lxc.environment = FROM=raw" });
  await act(daemon, name, "restart", { force: true });
  await check();
  await patch({ "limits.kernel.nofile": "", "raw.lxc": "" });
  await act(daemon, name, "restart", { force: true });
  assert.doesNotMatch(await sh(daemon, name, "ulimit -Sn; echo $FROM"), /123|raw/);
});

test("a limit holds: processes are refused, memory ends who takes too much", async () => {
  await launch(daemon, name, { config: { "limits.processes": "8", "limits.memory": "32MiB", "limits.memory.swap": "false" } });
  const many = await daemon.berth("exec", name, "--", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait");
  assert.match(many.stderr, /can't fork|Resource temporarily unavailable/);
  await patch({ "limits.processes": "" });
  const { code, stderr } = await daemon.berth("exec", name, "--", "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1");
  assert.equal(code, 137, stderr);
  assert.equal(await statusOf(daemon, name), "Running");
});

test("limits are raised, lowered and taken away while the guest runs", async () => {
  await launch(daemon, name);
  const none = memory();
  for (const [size, bytes] of [["64MiB", 64 * mib], ["256MiB", 256 * mib], ["32MiB", 32 * mib]] as const) {
    await patch({ "limits.memory": size });
    assert.deepEqual(memory().slice(0, 2), [`${bytes}`, `${2 * bytes}`]);
  }
  await patch({ "limits.memory.swap": "false" });
  assert.deepEqual(memory().slice(0, 2), [`${32 * mib}`, `${32 * mib}`]);
  await patch({ "limits.memory": "50%", "limits.memory.swap": "", "limits.memory.swap.priority": "3" });
  const half = String(Math.floor(totalmem() / 2 / 4096) * 4096);
  assert.deepEqual([memory()[0], memory()[3]], [half, "67"]);
  await patch({ "limits.memory": "64MiB", "limits.memory.enforce": "soft" });
  assert.deepEqual(memory().slice(0, 3), ["-1", "-1", `${64 * mib}`]);
  await patch({ "limits.memory": "", "limits.memory.enforce": "", "limits.memory.swap.priority": "" });
  assert.deepEqual(memory(), none);

  await patch({ "limits.processes": "77", "limits.cpu.allowance": "50%", "limits.cpu.priority": "2" });
  assert.deepEqual(files("pids.max", "cpu.shares", "cpu.cfs_quota_us"), ["77", "504", "-1"]);
  await patch({ "limits.cpu.allowance": "10ms/200ms" });
  assert.deepEqual(files("cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us"), ["1016", "200000", "10000"]);
  await patch({ "limits.processes": "", "limits.cpu.allowance": "", "limits.cpu.priority": "" });
  assert.deepEqual(files("pids.max", "cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us"), ["max", "1024", "100000", "-1"]);
});

test("less memory than is in use is refused, and nothing has changed", async () => {
  await launch(daemon, name, { config: { "limits.memory": "128MiB", "limits.memory.swap": "false", "limits.processes": "50" } });
  await sh(daemon, name, "mount -t tmpfs tmpfs /mnt && dd if=/dev/zero of=/mnt/x bs=1M count=40");
  const before = memory();
  await refused({ "limits.processes": "60", "limits.memory": "16MiB" }, /"limits\.memory": 16\.0 MiB is below what it uses now \(4\d\.\d MiB\), and that cannot be freed/);
  assert.deepEqual([memory(), file("pids.max"), await configOf("limits.memory"), await configOf("limits.processes")], [before, "50", "128MiB", "50"]);
  await sh(daemon, name, "rm /mnt/x");
  await patch({ "limits.memory": "16MiB" });
  assert.deepEqual(memory().slice(0, 2), [`${16 * mib}`, `${16 * mib}`]);
});

test("processors are dealt out among all that run, anew at each start, stop and change", { skip: cpus !== "0-1" && "wants two processors" }, async () => {
  const set = (of: string) => file("cpuset.cpus", of);
  await launch(daemon, name, { config: { "limits.cpu": "1" } });
  assert.equal(set(name), "0");
  await launch(daemon, other, { config: { "limits.cpu": "1" } });
  assert.deepEqual([set(name), set(other)], ["0", "1"]);
  await patch({ "limits.cpu": "1-1" });
  assert.deepEqual([set(name), set(other)], ["1", "0"]);
  await patch({ "limits.cpu": "8" });
  assert.deepEqual([set(name), set(other)], ["0-1", "0"]);
  await patch({ "limits.cpu": "0,1" }, other);
  await patch({ "limits.cpu": "1" });
  assert.deepEqual([set(name), set(other)], ["0", "0-1"]);
  await patch({ "limits.cpu": "0-0" }, other);
  assert.deepEqual([set(name), set(other)], ["1", "0"]);
  await forceStop(daemon, other);
  assert.equal(set(name), "0");
  await patch({ "limits.cpu": "" });
  assert.equal(set(name), "0-1");
  await refused({ "limits.cpu": "0,7" }, /Invalid value for "limits\.cpu": there is no processor 7 \(there are 0-1\)/);
  assert.equal(set(name), "0-1");
  await patch({ "limits.cpu": "5-6" }, other); // it does not run
  await assert.rejects(act(daemon, other, "start"), /there is no processor 5-6/);
});

test("processors are taken away also where the guest has cgroups of its own", { skip: cpus !== "0-1" && "wants two processors" }, async () => {
  await launch(daemon, name);
  const inner = `${cgroupOf(name, "cpuset")}/inner`;
  mkdirSync(`${inner}/most`, { recursive: true });
  assert.equal(readFileSync(`${inner}/most/cpuset.cpus`, "utf8").trim(), "0-1");
  await patch({ "limits.cpu": "1-1" });
  assert.deepEqual([file("cpuset.cpus"), readFileSync(`${inner}/most/cpuset.cpus`, "utf8").trim()], ["1", "1"]);
});

test("a limit whose controller the machine lacks is refused, and can be unset", async () => {
  await create(daemon, name, { config: { "limits.hugepages.2MB": "64MiB" } });
  await assert.rejects(act(daemon, name, "start"), /"limits\.hugepages\.2MB" cannot hold: this machine's cgroups have no controller "hugetlb"/);
  await patch({ "limits.hugepages.2MB": "" });
  await act(daemon, name, "start");
  await refused({ "limits.hugepages.2MB": "64MiB" }, /cannot hold: its cgroups have no hugetlb\.2MB/);
  assert.equal(await configOf("limits.hugepages.2MB"), undefined);
});

test("a priority for disks that the kernel does not know is kept, and said in the log", async () => {
  await launch(daemon, name, { config: { "limits.disk.priority": "3" } });
  const folder = cgroupOf(name, "blkio");
  const weights = readdirSync(folder).filter((entry) => /^blkio\.(bfq\.)?weight$/.test(entry));
  if (weights.length > 0) assert.equal(readFileSync(`${folder}/${weights[0]}`, "utf8").trim(), "300");
  else assert.match(daemon.log(), /"a limit holds only in part: the kernel does not offer it","key":"limits\.disk\.priority"/);
  await patch({ "limits.disk.priority": "5" });
  assert.equal(await configOf("limits.disk.priority"), "5");
});

test("a daemon that comes back makes what should hold hold again", async () => {
  await launch(daemon, name, { config: { "limits.memory": "64MiB", "limits.cpu": "1" } });
  await patch({ "limits.memory": "96MiB", "limits.memory.swap": "false" });
  await daemon.stop();
  // A reboot that liblxc does by itself begins with the limits of the last start.
  await daemon.inNamespace("lxc-stop", "-r", "-P", `${daemon.dir}/containers`, "-n", name);
  await daemon.start();
  assert.deepEqual([memory().slice(0, 2), memory()[3], file("cpuset.cpus")], [[`${96 * mib}`, `${96 * mib}`], "0", "0"]);
  await patch({ "limits.memory": "" });
  assert.equal(memory()[0], "-1");
});

test("what guests send has the priority that is set, and nothing is left of it after them", async () => {
  const table = async () => (await daemon.inNamespace("nft", "list", "table", "netdev", "berth_priority")).stdout;
  const rule = async (priority: number) => {
    const card = (await daemon.must("GET", `/1.0/instances/${name}`)).config["volatile.eth0.host_name"];
    return new RegExp(`device "${card}" [^]*meta priority set (0|none):${priority}\\s`);
  };
  await launch(daemon, name, { config: { "limits.network.priority": "6" } });
  assert.match(await table(), await rule(6));
  await patch({ "limits.network.priority": "4" });
  assert.match(await table(), await rule(4));
  await daemon.restart();
  assert.match(await table(), await rule(4));
  await patch({ "limits.network.priority": "" });
  assert.equal(await table(), "");
  await patch({ "limits.network.priority": "9" });
  assert.match(await table(), await rule(9));
  await forceStop(daemon, name);
  await eventually(async () => (await table()) === "", { what: "its rule is gone" });
});

test("what the kernel refuses at a start is told by its key", async () => {
  const start = async (config: Record<string, string>, message: RegExp) => {
    await create(daemon, name, { config });
    await assert.rejects(act(daemon, name, "start"), message);
    assert.equal(await statusOf(daemon, name), "Stopped");
    await daemon.must("DELETE", `/1.0/instances/${name}`);
  };
  await start({ "linux.sysctl.kernel.panic": "1" }, /the kernel refuses "1" for "linux\.sysctl\.kernel\.panic": Permission denied/);
  await start({ "linux.sysctl.net.ipv4.nope": "1" }, /the kernel refuses "1" for "linux\.sysctl\.net\.ipv4\.nope": No such file/);
  await start({ "limits.kernel.nofile": "2147483000" }, /the kernel refuses "2147483000" for "limits\.kernel\.nofile": Operation not permitted/);
  await start({ "linux.kernel_modules": "no_such_module_here" }, /Kernel module "no_such_module_here" could not be loaded|modprobe was not found/);
});

test("modules that are there already need not be loaded", async () => {
  const [there] = readdirSync("/sys/module");
  await launch(daemon, name, { config: { "linux.kernel_modules": String(there) } });
  assert.equal(await statusOf(daemon, name), "Running");
});

test("raw.lxc: its lines are part of the configuration, and cannot take it over", async () => {
  await launch(daemon, name, { config: { "raw.lxc": "# a line of mine\nlxc.environment = TINT=blue\nlxc.mount.entry = tmpfs mnt tmpfs rw 0 0" } });
  assert.equal(await sh(daemon, name, "tr '\\0' '\\n' < /proc/1/environ | grep TINT; grep -c ' /mnt tmpfs' /proc/mounts"), "TINT=blue\n1");
  await refused({ "raw.lxc": "lxc.rootfs.path = dir:/" }, /Invalid value for "raw\.lxc": .*line "lxc\.rootfs\.path": the root file system comes from the root disk/);
  await forceStop(daemon, name);
  await patch({ "raw.lxc": "lxc.cap.drop = no_such_capability" });
  await assert.rejects(act(daemon, name, "start"), /no_such_capability|capabilit/i);
  await patch({ "raw.lxc": "" });
  await act(daemon, name, "start");
});

test("a protected instance is not started", async () => {
  await create(daemon, name, { config: { "security.protection.start": "true" } });
  await assert.rejects(act(daemon, name, "start"), /Instance has startup protection enabled/);
  await patch({ "security.protection.start": "" });
  await act(daemon, name, "start");
});

test("setting a live key takes no longer than it must", async () => {
  await launch(daemon, name);
  const times: number[] = [];
  for (let i = 0; i < 12; i++) {
    const begun = performance.now();
    await patch({ "limits.memory": `${100 + i}MiB` });
    times.push(performance.now() - begun);
  }
  assert.ok(Math.min(...times) < 30, `${times.map(Math.round)} ms`);
});
