// The lock on a daemon's folder: two on one would undo each other's work.
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "./api/errors.ts";
import { tryLock } from "./host/libc.ts";
import type { Paths } from "./paths.ts";

/** How long it is waited for a hook to let go of the lock, which it takes for a moment to see whether it is free; in ms. */
const patience = 500;

/** Holds the folder until the descriptor is closed. Throws when another berthd does. */
export async function takeLock(paths: Paths): Promise<number> {
  const lock = openSync(paths.lock, "w", 0o600);
  for (const until = Date.now() + patience; Date.now() < until; await sleep(5)) if (tryLock(lock)) return lock;
  closeSync(lock);
  throw fail("bad_request", { reason: `Another berthd works in ${paths.root} already` });
}
