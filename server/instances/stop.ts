// Stopping an instance: asking its init to shut down, or ending it at once.
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Context } from "../context.ts";
import { expectCgroupMoves } from "../host/cgroup-moves.ts";
import { kill, requestHalt } from "../lxc/halt.ts";
import type { Running, StopReason } from "./runtime.ts";
import { systemNameOf } from "./store.ts";

/** How long a killed container may take to be gone, in ms. */
const killTimeout = 30_000;

/** Throws `instance_already_stopped`. */
function assertRunning(ctx: Context, project: string, name: string): Running {
  const running = ctx.runtime.get(systemNameOf(ctx.instances.get(project, name)));
  if (!running) throw fail("instance_already_stopped");
  return running;
}

export interface StopOptions {
  /** What it is stopped for, when that is not to be seen from how. */
  reason?: StopReason | undefined;
  requestor?: Requestor | undefined;
}

/** Ends all processes of an instance at once; resolves when it is stopped. */
export async function forceStop(ctx: Context, project: string, name: string, { reason = "forced", requestor }: StopOptions = {}): Promise<void> {
  const running = assertRunning(ctx, project, name);
  running.stopReason = reason;
  running.stoppedBy = requestor;
  expectCgroupMoves(); // of the monitor, which goes out of the way to remove the container's
  kill(running.init);
  if (running.frozen) await thawKilled(running);
  if (!(await endsWithin(running, killTimeout))) {
    throw fail("internal", { reason: `Instance "${name}" was killed but does not end: a process of it may hang in the kernel` });
  }
}

/** The processes of a frozen instance die when they are thawed. */
async function thawKilled(running: Running): Promise<void> {
  running.frozen = false;
  await running.cgroups.setFrozen(false).catch(() => {}); // its cgroup may be gone already
}

/**
 * Asks an instance to shut down, and waits for it: `seconds`, or for ever when negative.
 * Throws `stop_timeout`; it goes on running then.
 */
export async function cleanStop(ctx: Context, project: string, name: string, seconds: number, { reason = "clean", requestor }: StopOptions = {}): Promise<void> {
  const running = assertRunning(ctx, project, name);
  if (running.frozen) {
    await running.cgroups.setFrozen(false);
    running.frozen = false;
  }
  running.stopReason = reason;
  running.stoppedBy = requestor;
  requestHalt(running.init);
  if (await endsWithin(running, seconds < 0 ? undefined : seconds * 1000)) return;
  running.stopReason = "guest";
  running.stoppedBy = undefined;
  throw fail("stop_timeout", { name, timeout: seconds });
}

async function endsWithin(running: Running, ms: number | undefined): Promise<boolean> {
  if (ms === undefined) return running.ended.then(() => true);
  const done = new AbortController();
  const late = sleep(Math.min(ms, 2 ** 31 - 1), false, { signal: done.signal }).catch(() => false);
  const ended = running.ended.then((_reason: StopReason) => true);
  try {
    return await Promise.race([ended, late]);
  } finally {
    done.abort();
  }
}
