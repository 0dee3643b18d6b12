// The texts that metrics are made of: cgroup files of v1 and v2, and labels.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCpuStat, parseIoStat, parseMemoryStat, parseThrottle, parseUsageAll } from "../../../server/lxc/cgroup-stat.ts";
import { renderLabels, renderMetrics, Samples } from "../../../server/metrics/samples.ts";
import { RequestStats } from "../../../server/http/requests.ts";
import { parseMetrics } from "../../helpers/open-metrics.ts";

test("memory.stat of v1 counts the whole tree, that of v2 has other names", () => {
  const v1 = parseMemoryStat("cache 1\nrss 2\nactive_anon 3\nhierarchical_memory_limit 99\ntotal_cache 10\ntotal_rss 20\ntotal_active_anon 30\ntotal_swap 5\n");
  assert.deepEqual([v1.cache, v1.rss, v1.activeAnon, v1.swap, v1.limit, v1.dirty], [10, 20, 30, 5, 99, undefined]);
  const v2 = parseMemoryStat("anon 7\nfile 8\nfile_dirty 9\nactive_file 10\n");
  assert.deepEqual([v2.rss, v2.cache, v2.dirty, v2.activeFile], [7, 8, 9, 10]);
});

test("time of processors: each one's in v1, the sum in v2", () => {
  assert.deepEqual(parseUsageAll("cpu user system\n0 100 200\n1 300 0\n"), [{ processor: "0", user: 100, system: 200 }, { processor: "1", user: 300, system: 0 }]);
  assert.deepEqual(parseCpuStat("usage_usec 9\nuser_usec 5\nsystem_usec 4\n"), [{ processor: "0", user: 5000, system: 4000 }]);
  assert.deepEqual([parseUsageAll(""), parseCpuStat("")], [[], []]);
});

test("what disks did, of v1 and v2", () => {
  const expected = { readBytes: 4096, writtenBytes: 8192, reads: 1, writes: 2 };
  const v1 = parseThrottle("254:0 Read 4096\n254:0 Write 8192\n254:0 Total 12288\nTotal 12288\n", "254:0 Read 1\n254:0 Write 2\n254:0 Sync 0\n");
  assert.deepEqual([...v1], [["254:0", expected]]);
  assert.deepEqual([...parseIoStat("254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n253:0 \n")], [
    ["254:0", expected], ["253:0", { readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 }],
  ]);
});

test("text: series in their order, labels escaped, unknown values left out", () => {
  const [a, b] = [new Samples(), new Samples()];
  a.add("lxd_procs_total", renderLabels({ name: "a" }), 3);
  a.add("lxd_memory_Swap_bytes", renderLabels({ name: "a" }), undefined);
  b.add("lxd_cpu_seconds_total", renderLabels({ name: 'b"\\\n' }), 1.5);
  b.add("lxd_procs_total", renderLabels({ name: "b" }), 4);
  const text = renderMetrics([a, b]);
  const { samples, types } = parseMetrics(text);
  assert.deepEqual([...types], [["lxd_cpu_seconds_total", "counter"], ["lxd_procs_total", "gauge"]]);
  assert.deepEqual(samples.map(({ labels, value }) => [labels["name"], value]), [['b"\\\n', 1.5], ["a", 3], ["b", 4]]);
  assert.equal(renderMetrics([]), "# EOF\n");
});

test("requests are counted by endpoint, status and how long they took", () => {
  const stats = new RequestStats();
  stats.count("getServer", 200, 0.5);
  stats.count("getServer", 200, 4);
  stats.count("getServer", 404, 60_000);
  assert.deepEqual(stats.counts().map(({ status, count }) => [status, count]), [[200, 2], [404, 1]]);
  assert.deepEqual([stats.within(0), stats.within(1), stats.within(6), stats.answered], [1, 2, 2, 3]);
});
