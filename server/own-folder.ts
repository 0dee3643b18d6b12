// The lock on a daemon's folder: two on one would undo each other's work.
import { closeSync, openSync } from "node:fs";
import { fail } from "./api/errors.ts";
import { tryLock } from "./host/libc.ts";
import type { Paths } from "./paths.ts";

/** Holds the folder until the descriptor is closed. Throws when another berthd does. */
export function takeLock(paths: Paths): number {
  const lock = openSync(paths.lock, "w", 0o600);
  if (tryLock(lock)) return lock;
  closeSync(lock);
  throw fail("bad_request", { reason: `Another berthd works in ${paths.root} already` });
}
