// What tests may leave on the machine: network namespaces, mounts, processes, loop devices, folders. Found and removed.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";

/** This run's mark in the names of all that its tests make. Others may run tests on this machine at the same time. */
export const runId = process.env.BERTH_TEST_RUN || `r${process.pid.toString(36)}`;

let files = 0;

/** A mark of one test file, for its environment: what it leaves can then be told from what others make meanwhile. */
export function markOfFile() {
  files += 1;
  return `${runId}f${files}`;
}

/** What names of things made under a mark look like. Where nobody else runs tests, as in CI, the run's mark is any. */
function patternsOf(mark) {
  const marked = mark === runId ? (process.env.CI ? "" : `${runId}(f\\d+)?-`) : `${mark}-`;
  return { folder: new RegExp(`/tmp/berth-test-${marked}\\w+`), namespace: new RegExp(`^berth-\\w+-${marked}`) }; // folders also below /var
}

const parents = ["/tmp", "/var/tmp"];
const namespaces = "/run/netns";

function list(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function text(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const mine = new Set([process.pid, process.ppid]);

/** Kills a process after all that descend from it: the init of a container outlives its monitor. */
function killTree(pid) {
  const pids = list("/proc").filter((name) => /^\d+$/.test(name));
  for (const child of pids.filter((one) => text(`/proc/${one}/status`).includes(`\nPPid:\t${pid}\n`))) killTree(child);
  try {
    process.kill(Number(pid), "SIGKILL");
  } catch {} // it has ended
}

function processes(testFolder) {
  const found = [];
  for (const pid of list("/proc").filter((name) => /^\d+$/.test(name)).map(Number)) {
    if (mine.has(pid)) continue;
    const command = text(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    if (testFolder.test(command)) found.push({ kind: "process", name: `${pid} ${command.slice(0, 160)}`, remove: () => killTree(pid) });
  }
  return found;
}

function mounts(testFolder) {
  const points = text("/proc/self/mountinfo").split("\n").map((line) => line.split(" ")[4] ?? "");
  return points
    .filter((point) => testFolder.test(point))
    .sort()
    .reverse()
    .map((name) => ({ kind: "mount", name, remove: () => spawnSync("umount", ["-l", name]) }));
}

function loops(testFolder) {
  return list("/sys/block")
    .filter((device) => device.startsWith("loop") && testFolder.test(text(`/sys/block/${device}/loop/backing_file`)))
    .map((device) => ({
      kind: "loop device",
      name: `/dev/${device} on ${text(`/sys/block/${device}/loop/backing_file`).trim()}`,
      remove: () => spawnSync("losetup", ["-d", `/dev/${device}`]),
    }));
}

function networks(testNamespace) {
  return list(namespaces)
    .filter((name) => testNamespace.test(name))
    .map((name) => ({ kind: "network namespace", name, remove: () => spawnSync("ip", ["netns", "delete", name]) }));
}

function folders(testFolder) {
  return parents
    .flatMap((parent) => list(parent).map((name) => `${parent}/${name}`))
    .filter((path) => testFolder.test(path))
    .map((path) => ({ kind: "folder", name: path, remove: () => rmSync(path, { recursive: true, force: true }) }));
}

function all(mark) {
  const { folder, namespace } = patternsOf(mark);
  return [...processes(folder), ...mounts(folder), ...loops(folder), ...networks(namespace), ...folders(folder)];
}

const key = ({ kind, name }) => `${kind} ${name}`;

/** What is there before a test and so is not its doing. */
export function isolateLeftovers(mark = runId) {
  return new Set(all(mark).map(key));
}

/** Finds what came since under a mark, removes it, and says what it was. */
export function sweep(before, mark = runId) {
  const left = all(mark).filter((item) => !before.has(key(item)));
  for (const item of left) {
    try {
      item.remove();
    } catch {} // it went by itself
  }
  return left.map(key);
}
