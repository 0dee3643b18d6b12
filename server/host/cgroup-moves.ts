// Before the kernel moves a process between cgroups it waits for a grace period of RCU, 10–20 ms, unless one
// moved a moment ago. Whoever knows that a move is coming can let that wait begin meanwhile.
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { explain, log } from "../log.ts";

/** The cgroup.procs of the cgroup that this process is in; undefined where there is none. */
function ownFile(): string | undefined {
  const mounts = readFileSync("/proc/self/mounts", "utf8");
  for (const line of readFileSync("/proc/self/cgroup", "utf8").trim().split("\n")) {
    const [, names = "", ...path] = line.split(":");
    const kind = names === "" ? / (\S+) cgroup2 / : new RegExp(` (\\S+) cgroup \\S*\\b${names.replace(/[^\w=,]/g, ".")}\\b`);
    const mountPoint = kind.exec(mounts)?.[1];
    if (mountPoint) return `${mountPoint}${path.join(":")}/cgroup.procs`;
  }
  return undefined;
}

let file: string | undefined;
let known = false;
let underWay = false;

/**
 * Says that processes are about to be moved. This process is "moved" to where it is, on a thread that may wait;
 * returns at once.
 */
export function expectCgroupMoves(): void {
  if (!known) file = ownFile();
  known = true;
  if (!file || underWay) return;
  underWay = true;
  writeFile(file, String(process.pid)).catch((error) => {
    log.debug("moves between cgroups are not announced", { error: explain(error) });
    file = undefined;
  }).finally(() => {
    underWay = false;
  });
}
