// Following processes that are not our children, safe against reused pids.
import { closeSync } from "node:fs";
import { hasCode, pidfdOpen, pidfdSignal, pollReadable } from "./libc.ts";

/** How soon an end is seen that nothing else told of, in ms. */
const interval = 500;

const watched = new Map<number, () => void>();
let timer: NodeJS.Timeout | undefined;

function sweep(): void {
  for (const fd of pollReadable([...watched.keys()])) {
    const ended = watched.get(fd);
    unwatch(fd);
    ended?.();
  }
}

function unwatch(fd: number): void {
  if (!watched.delete(fd)) return;
  closeSync(fd);
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
  watched.set(fd, ended);
  timer ??= setInterval(sweep, interval).unref();
  return () => unwatch(fd);
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
