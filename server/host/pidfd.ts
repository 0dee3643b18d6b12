// Following processes that are not our children, safe against reused pids.
import { closeSync } from "node:fs";
import { withoutLogContext } from "../log.ts";
import { hasCode, pidfdOpen, pidfdSignal, pollReadable } from "./libc.ts";

/** How soon an end is seen that nothing else told of, in ms. */
const interval = 500;

interface Watch {
  fd: number;
  ended: () => void;
}

const watched = new Set<Watch>();
let timer: NodeJS.Timeout | undefined;

function sweep(): void {
  const readable = new Set(pollReadable([...watched].map(({ fd }) => fd)));
  for (const watch of [...watched].filter(({ fd }) => readable.has(fd))) {
    unwatch(watch);
    watch.ended();
  }
}

function unwatch(watch: Watch): void {
  if (!watched.delete(watch)) return;
  closeSync(watch.fd);
  if (watched.size === 0 && timer) {
    clearInterval(timer);
    timer = undefined;
  }
}

/** Looks at all watched processes now instead of at the next tick. */
export function checkWatched(): void {
  if (watched.size > 0) sweep();
}

/** Calls back once when a process has ended; the result stops watching. */
export function watchExit(pid: number, ended: () => void): () => void {
  let fd: number;
  try {
    fd = pidfdOpen(pid);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
    setImmediate(ended);
    return () => {};
  }
  const watch = { fd, ended };
  watched.add(watch);
  timer ??= withoutLogContext(() => setInterval(sweep, interval).unref());
  return () => unwatch(watch);
}

/** Sends a signal to a process; false when it has ended. */
export function signalProcess(pid: number, signal: number): boolean {
  try {
    const fd = pidfdOpen(pid);
    try {
      pidfdSignal(fd, signal);
      return true;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (hasCode(error, "ESRCH")) return false;
    throw error;
  }
}
