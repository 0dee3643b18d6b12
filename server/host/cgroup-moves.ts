// Before the kernel moves a process between cgroups it waits for a grace period of RCU, 10–20 ms, unless one
// moved a moment ago. Whoever knows that a move is coming can let that wait begin meanwhile, and see to it that it is not over again.
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
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
let expectedUntil = 0;

/** For so long a move is expected, in ms: lxc-attach comes to its own in a few, a client's websockets take longer. */
const patience = 50;

/** The next move need not wait when it comes within some 12 ms of the last. */
const repeatAfter = 7;

/**
 * Says that processes are about to be moved. This process is "moved" to where it is, on a thread that may wait, again and
 * again for a short while; returns at once.
 */
export function expectCgroupMoves(): void {
  if (!known) file = ownFile();
  known = true;
  expectedUntil = performance.now() + patience;
  if (file && !underWay) void keepMoving(file);
}

async function keepMoving(procs: string): Promise<void> {
  underWay = true;
  try {
    const handle = await open(procs, "w");
    try {
      do {
        await handle.write(String(process.pid));
        await sleep(repeatAfter);
      } while (performance.now() < expectedUntil);
    } finally {
      await handle.close();
    }
  } catch (error) {
    log.debug("moves between cgroups are not announced", { error: explain(error) });
    file = undefined;
  } finally {
    underWay = false;
  }
}
