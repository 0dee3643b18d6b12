// Doing something in the network namespace of another process.
import { openSync } from "node:fs";
import { CLONE_NEWNET, setns } from "./libc.ts";

let own: number | undefined;

/**
 * Runs `work` in the network namespace of the process behind a pidfd. `work` must be synchronous: the namespace belongs
 * to the thread. Throws ESRCH when the process has ended.
 */
export function inNetworkOf<T>(pidfd: number, work: () => T): T {
  own ??= openSync("/proc/self/ns/net", "r");
  setns(pidfd, CLONE_NEWNET);
  try {
    return work();
  } finally {
    setns(own, CLONE_NEWNET);
  }
}
