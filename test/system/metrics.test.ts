// Metrics of real containers: the text is what a monitoring system reads, the numbers are those of the kernel, and nothing that
// a guest does, or a dead file system, keeps a scrape waiting.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statfsSync } from "node:fs";
import { after, before, test } from "node:test";
import { cgroupOf, isV1 } from "../helpers/cgroups.ts";
import { type Daemon, startDaemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { busyboxImages } from "../helpers/images.ts";
import { booted, forceStop, importImage, initOf, launch, sh } from "../helpers/instances.ts";
import { Network } from "../helpers/network.ts";
import { type Metrics, parseMetrics } from "../helpers/open-metrics.ts";
import { eventually, pause } from "../helpers/wait.ts";

const [one, two] = [`met-a-${process.pid}`, `met-b-${process.pid}`];
let daemon: Daemon;
let folder: string;

before(async () => {
  daemon = await startDaemon();
  folder = `${daemon.dir}-shared`;
  mkdirSync(folder);
  await importImage(daemon, (await busyboxImages()).unified, "busybox");
  await launch(daemon, one, { config: { "limits.memory": "64MiB" }, devices: { shared: { type: "disk", source: folder, path: "/mnt/shared" } } });
  await launch(daemon, two);
  await Promise.all([booted(daemon, one), booted(daemon, two)]);
});
after(() => daemon?.[Symbol.asyncDispose]());

async function scrape(query = ""): Promise<Metrics> {
  const reply = await daemon.request("GET", `/1.0/metrics${query}`, undefined, { timeout: 10_000 });
  assert.deepEqual([reply.status, reply.headers["content-type"]], [200, "text/plain"]);
  return parseMetrics(reply.text);
}

/** After what was read before has been forgotten. */
async function scrapeAnew(): Promise<Metrics> {
  await pause(1100);
  return scrape();
}

const file = (name: string, controller: string, path: string) => readFileSync(`${cgroupOf(name, controller)}/${path}`, "utf8");
const stat = (text: string, key: string) => Number(new RegExp(`^${key} (\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);

/** What the kernel's files say of the series. */
function kernelsView(name: string): Record<string, number> {
  const memory = file(name, "memory", "memory.stat");
  return {
    lxd_procs_total: Number(file(name, "pids", "pids.current")),
    lxd_memory_Cached_bytes: stat(memory, isV1 ? "total_cache" : "file"),
    lxd_memory_RSS_bytes: stat(memory, isV1 ? "total_rss" : "anon"),
    lxd_memory_Active_file_bytes: stat(memory, isV1 ? "total_active_file" : "active_file"),
    lxd_memory_Shmem_bytes: stat(memory, isV1 ? "total_shmem" : "shmem"),
  };
}

const cpuSeconds = (name: string) => (isV1 ? Number(file(name, "cpuacct", "cpuacct.usage")) / 1e9 : stat(file(name, "cpu", "cpu.stat"), "usage_usec") / 1e6);

test("the numbers are those of the cgroup files and the interfaces", async () => {
  await sh(daemon, one, "cat /bin/* > /dev/null; ping -c 2 127.0.0.1 > /dev/null");
  const cpuBefore = cpuSeconds(one);
  const metrics = await eventually(async () => {
    const before = kernelsView(one);
    const read = await scrapeAnew();
    return JSON.stringify(before) === JSON.stringify(kernelsView(one)) ? { ...read, before } : undefined;
  }, { timeout: 30_000, what: "an idle guest's memory stays as it is while it is read" });
  const own = { name: one, project: "default", type: "container" };
  for (const [series, value] of Object.entries(metrics.before)) assert.equal(metrics.value(series, own), value, series);
  const cpu = metrics.samples.filter(({ series, labels }) => series === "lxd_cpu_seconds_total" && labels["name"] === one);
  assert.deepEqual([...new Set(cpu.map(({ labels }) => labels["mode"]))].sort(), ["system", "user"]);
  const used = cpu.reduce((sum, { value }) => sum + value, 0);
  // The kernel tells user and system time by ticks, the sum exactly.
  assert.ok(used >= cpuBefore * 0.5 - 0.1 && used <= cpuSeconds(one) * 1.5 + 0.1, `${cpuBefore} ≤ ${used} ≤ ${cpuSeconds(one)}`);
  assert.equal(metrics.value("lxd_memory_MemTotal_bytes", own), 64 * 2 ** 20);
  const { network, memory } = await daemon.must("GET", `/1.0/instances/${one}/state`);
  assert.ok(Math.abs(metrics.value("lxd_memory_MemFree_bytes", own) - (64 * 2 ** 20 - memory.usage)) < 2 ** 20);
  assert.equal(metrics.value("lxd_network_receive_packets_total", { ...own, device: "lo" }), network.lo.counters.packets_received);
  assert.ok(network.lo.counters.packets_received >= 2, "the pings");
  assert.ok(metrics.value("lxd_memory_MemTotal_bytes", { name: two }) > 64 * 2 ** 20, "without a limit it is the machine's");
});

test("disks are counted by name, and file systems told with their space", async () => {
  const metrics = await scrape();
  const disks = metrics.samples.filter(({ series, labels }) => series === "lxd_disk_read_bytes_total" && labels["name"] === one).map(({ labels }) => labels["device"]);
  for (const disk of disks) assert.ok(existsSync(`/sys/class/block/${disk}`), disk);
  const root = statfsSync(daemon.dir);
  assert.equal(metrics.value("lxd_filesystem_size_bytes", { name: two, mountpoint: "/" }), root.blocks * root.bsize);
  const shared = metrics.samples.find(({ series, labels }) => series === "lxd_filesystem_size_bytes" && labels["mountpoint"] === "/mnt/shared");
  assert.deepEqual([shared?.labels["name"], shared?.labels["device"], shared?.value], [one, folder, root.blocks * root.bsize]);
});

test("the series have LXD's names and labels, and those of the server are there", async () => {
  const { samples, types, value } = await scrape();
  const lxd = [...types.keys()].filter((name) => name.startsWith("lxd_"));
  assert.ok(lxd.length >= 30, lxd.join(" "));
  for (const { series, labels } of samples.filter(({ series }) => series.startsWith("lxd_"))) {
    const more = Object.keys(labels).filter((label) => !["name", "project", "type"].includes(label)).join();
    assert.match(`${series} ${more}`, /^lxd_(cpu_\w+ cpu,mode|disk_\w+ device|filesystem_\w+ device,fstype,mountpoint|memory_\w+ |network_\w+ device|procs_total )$/);
  }
  assert.equal(value("berth_instances", { project: "default", status: "running" }), 2);
  assert.ok(value("berth_process_resident_memory_bytes") > 2 ** 24);
  assert.ok(value("berth_storage_pool_size_bytes", { pool: "default" }) > 0);
  assert.ok(value("berth_operations_ended_total", { status: "success" }) >= 4);
  assert.ok(value("berth_api_requests_total", { endpoint: "getMetrics", status: "200" }) >= 1);
  assert.equal(value("berth_api_request_seconds_bucket", { le: "+Inf" }), value("berth_api_request_seconds_count"));
  const filtered = await scrape("?project=default");
  assert.ok(!filtered.samples.some(({ series }) => series.startsWith("berth_process")), "of one project only what is its own");
  assert.equal(filtered.value("berth_instances", { status: "running" }), 2);
});

test("a guest's odd names break nothing", async () => {
  await execOk("nsenter", ["-t", String(await initOf(daemon, two)), "-n", "ip", "link", "add", "name", 'q"\\n', "type", "bridge"]);
  assert.equal((await scrapeAnew()).value("lxd_network_receive_bytes_total", { name: two, device: 'q"\\n' }), 0);
});

test("a file system that never answers keeps no scrape waiting", async (t) => {
  if (!existsSync("/dev/fuse")) return t.skip("no FUSE here");
  const script = 'exec 3<> /dev/fuse; mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 dead "$0" && echo up; exec sleep 100';
  const [program, args] = daemon.namespace.wrap("sh", ["-c", script, folder]);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const metrics = await scrapeAnew();
    assert.ok(!metrics.samples.some(({ labels }) => labels["mountpoint"] === "/mnt/shared"), "it is left out");
    assert.ok(metrics.value("lxd_procs_total", { name: one }) > 0, "the rest is there");
  } finally {
    await daemon.inNamespace("umount", "-l", folder);
    child.kill("SIGKILL");
  }
});

test("a monitoring system scrapes with a certificate of its own, on a listener of its own", async () => {
  await using network = await Network.open(daemon);
  await daemon.must("PATCH", "/1.0", { config: { "core.metrics_address": ":9100" } });
  await using metrics = await Network.to(daemon, 9100);
  const reader = await network.trust("prometheus", { type: "metrics" });
  const reply = await metrics.call(reader, "GET", "/1.0/metrics");
  assert.equal(reply.status, 200, reply.text);
  const { value } = parseMetrics(reply.text);
  assert.ok(value("lxd_procs_total", { name: one }) > 0);
  assert.ok(value("berth_process_resident_memory_bytes") > 0, "who may see all projects is shown the server's numbers");
  const confined = await network.trust("confined", { type: "metrics", restricted: true, projects: [] });
  assert.equal((await metrics.call(confined, "GET", "/1.0/metrics")).text, "# EOF\n");
  assert.equal((await metrics.call(undefined, "GET", "/1.0/metrics")).status, 403);
  await daemon.must("PATCH", "/1.0", { config: { "core.metrics_authentication": "false" } });
  assert.equal((await metrics.call(undefined, "GET", "/1.0/metrics")).status, 200);
  await daemon.must("PATCH", "/1.0", { config: { "core.metrics_authentication": "", "core.metrics_address": "" } });
});

test("what has stopped has no numbers any more", async () => {
  await forceStop(daemon, two);
  const metrics = await scrapeAnew();
  assert.ok(!metrics.samples.some(({ labels }) => labels["name"] === two));
  assert.deepEqual([metrics.value("berth_instances", { status: "running" }), metrics.value("berth_instances", { status: "stopped" })], [1, 1]);
});
