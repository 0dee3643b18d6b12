// Limits: what they come to in cgroup files of v1 and v2, in which order they are changed, who gets which processors.
import assert from "node:assert/strict";
import { test } from "node:test";
import { balanceCpus, formatCpus, missingCpus, parseCpus } from "../../../server/instances/limits/cpus.ts";
import { limitLines } from "../../../server/instances/limits/lines.ts";
import { renderPriorities } from "../../../server/instances/limits/network.ts";
import { cgroupSettings } from "../../../server/instances/limits/settings.ts";
import { memoryBytes } from "../../../server/instances/limits/values.ts";
import { planChanges } from "../../../server/instances/limits/write.ts";

const v1 = { unified: false, memory: 1000 * 2 ** 20 };
const v2 = { ...v1, unified: true };
type Values = Record<string, string>;

/** Files that are not as the kernel has them. */
const set = (config: Values, world = v1) =>
  Object.fromEntries(cgroupSettings(config, world).filter(({ value, unset }) => value !== unset).map(({ file, value }) => [file, value]));
const order = (before: Values, after: Values) =>
  planChanges(cgroupSettings(before, v1), cgroupSettings(after, v1)).map(({ file, value }) => `${file.replace(/^memory\.|\.?_in_bytes$/g, "")} ${value}`);

test("without limits everything is as the kernel has it", () => {
  assert.deepEqual([set({}), set({}, v2)], [{}, {}]);
  assert.deepEqual(limitLines({}, undefined, v1), []);
});

test("what must hold from the first moment stands in lxc.conf", () => {
  const limits = { "limits.memory": "512MiB", "limits.processes": "9", "limits.cpu.allowance": "25ms/100ms", "limits.memory.swap": "false", "limits.disk.priority": "3" };
  assert.deepEqual(limitLines(limits, "0-1", v2), [
    ["lxc.cgroup2.memory.max", "536870912"], ["lxc.cgroup2.pids.max", "9"], ["lxc.cgroup2.cpu.max", "25000 100000"], ["lxc.cgroup2.cpuset.cpus", "0-1"],
  ]);
  assert.deepEqual(limitLines(limits, "0-1", v1), [
    ["lxc.cgroup.memory.limit_in_bytes", "536870912"], ["lxc.cgroup.pids.max", "9"], ["lxc.cgroup.cpu.cfs_quota_us", "25000"], ["lxc.cgroup.cpuset.cpus", "0-1"],
  ]);
});

const mib = 2 ** 20;
const table: [Values, Values, Values][] = [
  [{ "limits.memory": "100MiB" },
    { "memory.limit_in_bytes": `${100 * mib}`, "memory.memsw.limit_in_bytes": `${200 * mib}`, "memory.soft_limit_in_bytes": `${90 * mib}` },
    { "memory.max": `${100 * mib}`, "memory.swap.max": `${100 * mib}` }],
  [{ "limits.memory": "10%" },
    { "memory.limit_in_bytes": `${100 * mib}`, "memory.memsw.limit_in_bytes": `${200 * mib}`, "memory.soft_limit_in_bytes": `${90 * mib}` },
    { "memory.max": `${100 * mib}`, "memory.swap.max": `${100 * mib}` }],
  [{ "limits.memory": "100MiB", "limits.memory.enforce": "soft" }, { "memory.soft_limit_in_bytes": `${100 * mib}` }, { "memory.high": `${100 * mib}` }],
  [{ "limits.memory": "100MiB", "limits.memory.swap": "false" },
    { "memory.limit_in_bytes": `${100 * mib}`, "memory.memsw.limit_in_bytes": `${100 * mib}`, "memory.soft_limit_in_bytes": `${90 * mib}`, "memory.swappiness": "0" },
    { "memory.max": `${100 * mib}`, "memory.swap.max": "0" }],
  [{ "limits.memory.swap": "false" }, { "memory.swappiness": "0" }, { "memory.swap.max": "0" }],
  [{ "limits.memory.swap.priority": "4" }, { "memory.swappiness": "66" }, {}],
  [{ "limits.processes": "50" }, { "pids.max": "50" }, { "pids.max": "50" }],
  [{ "limits.cpu.allowance": "50%" }, { "cpu.shares": "512" }, { "cpu.weight": "50" }],
  [{ "limits.cpu.allowance": "10000%" }, { "cpu.shares": "102400" }, { "cpu.weight": "10000" }],
  [{ "limits.cpu.allowance": "50%", "limits.cpu.priority": "3" }, { "cpu.shares": "505" }, { "cpu.weight": "43" }],
  [{ "limits.cpu.allowance": "1%", "limits.cpu.priority": "0" }, { "cpu.shares": "2" }, { "cpu.weight": "1" }],
  [{ "limits.cpu.priority": "0" }, { "cpu.shares": "1014" }, { "cpu.weight": "90" }],
  [{ "limits.cpu.allowance": "20ms/50ms", "limits.cpu.priority": "9" },
    { "cpu.shares": "1023", "cpu.cfs_period_us": "50000", "cpu.cfs_quota_us": "20000" }, { "cpu.weight": "99", "cpu.max": "20000 50000" }],
  [{ "limits.disk.priority": "0" }, { "blkio.weight": "10", "blkio.bfq.weight": "10" }, { "io.weight": "10", "io.bfq.weight": "10" }],
  [{ "limits.disk.priority": "10" }, { "blkio.weight": "1000", "blkio.bfq.weight": "1000" }, { "io.weight": "1000", "io.bfq.weight": "1000" }],
  [{ "limits.hugepages.2MB": "4MiB" }, { "hugetlb.2MB.limit_in_bytes": `${4 * mib}`, "hugetlb.2MB.rsvd.limit_in_bytes": `${4 * mib}` },
    { "hugetlb.2MB.max": `${4 * mib}`, "hugetlb.2MB.rsvd.max": `${4 * mib}` }],
];
for (const [config, one, two] of table) {
  test(`${JSON.stringify(config)} in cgroup files of v1 and v2`, () => {
    assert.deepEqual(set(config), one);
    assert.deepEqual(set(config, v2), two);
  });
}

test("memory and swap together never fall below memory alone while both change", () => {
  assert.deepEqual(order({ "limits.memory": "10MiB" }, { "limits.memory": "100MiB" }).slice(0, 2), [`memsw.limit ${200 * mib}`, `limit ${100 * mib}`]);
  assert.deepEqual(order({ "limits.memory": "100MiB" }, { "limits.memory": "10MiB" }).slice(0, 2), [`limit ${10 * mib}`, `memsw.limit ${20 * mib}`]);
  assert.deepEqual(order({ "limits.memory": "100MiB" }, {}).slice(0, 2), ["memsw.limit -1", "limit -1"]);
  assert.deepEqual(order({}, { "limits.memory": "100MiB" }).slice(0, 2), [`limit ${100 * mib}`, `memsw.limit ${200 * mib}`]);
  // More memory, no swap any more: together less than before.
  assert.deepEqual(order({ "limits.memory": "100MiB" }, { "limits.memory": "150MiB", "limits.memory.swap": "false" }).slice(0, 2), [`limit ${150 * mib}`, `memsw.limit ${150 * mib}`]);
});

test("only what differs is changed", () => {
  assert.deepEqual(order({ "limits.processes": "5" }, { "limits.processes": "5", "user.a": "b" }), []);
  assert.deepEqual(order({ "limits.processes": "5" }, { "limits.processes": "6" }), ["pids.max 6"]);
  assert.deepEqual(order({ "limits.processes": "5" }, {}), ["pids.max max"]);
});

test("lists of processors are read and written as the kernel does", () => {
  assert.deepEqual([parseCpus("0-2,5\n"), parseCpus("1-1"), parseCpus("3,1,1"), parseCpus("")], [[0, 1, 2, 5], [1], [1, 3], []]);
  assert.deepEqual([formatCpus([0, 1, 2, 5]), formatCpus([4]), formatCpus([])], ["0-2,5", "4", ""]);
  assert.deepEqual([missingCpus("0,9", [0, 1]), missingCpus("9", [0, 1]), missingCpus("9-9", [0, 1])], [[9], [], [9]]);
});

const dealt = (limits: Values, cpus = [0, 1, 2, 3]) =>
  Object.fromEntries([...balanceCpus(Object.entries(limits).map(([name, limit]) => ({ name, limit })), cpus)].map(([name, list]) => [name, formatCpus(list)]));

test("processors are dealt out evenly, the least loaded first", () => {
  assert.deepEqual(dealt({ a: "1", b: "1", c: "2" }), { a: "0", b: "1", c: "2-3" });
  assert.deepEqual(dealt({ a: "3", b: "2" }), { a: "0-2", b: "0,3" });
  assert.deepEqual(dealt({ a: "9" }), { a: "0-3" });
  assert.deepEqual(dealt({ a: "1" }, [4, 6]), { a: "4" });
});

test("pinned guests keep theirs, and the others go out of their way", () => {
  assert.deepEqual(dealt({ a: "1", p: "0-1" }), { p: "0-1", a: "2" });
  assert.deepEqual(dealt({ a: "2", b: "1", p: "3-3" }), { p: "3", a: "0-1", b: "2" });
  assert.deepEqual(dealt({ p: "0,9" }), { p: "0" });
});

test("the deal does not depend on who came first", () => {
  assert.deepEqual(dealt({ a: "1", b: "2", c: "1" }), dealt({ c: "1", b: "2", a: "1" }));
});

test("percentages are of the machine's memory", () => {
  assert.deepEqual([memoryBytes("50%", 1000), memoryBytes("1kB", 1)], [500, 1000]);
});

test("priorities of networks are one table, made anew", () => {
  assert.equal(renderPriorities([]), "add table netdev berth_priority\ndelete table netdev berth_priority\n");
  const text = renderPriorities([{ hostName: "veth1", priority: 6 }]);
  assert.match(text, /nic\.veth1 \{ type filter hook ingress device "veth1" priority 0; policy accept; \}\n.* meta priority set "0:6"/);
});
