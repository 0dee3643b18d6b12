// A guest that is held still for a moment, and let go again whatever happens.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import type { Context } from "../../context.ts";
import { explain, log } from "../../log.ts";
import type { LiveGuest } from "../../storage/driver.ts";
import type { Running } from "../runtime.ts";
import { type InstanceRecord, systemNameOf } from "../store.ts";

/** What a storage driver may do to an instance's guest; undefined when there is none. */
export function liveGuest(ctx: Context, instance: InstanceRecord): LiveGuest | undefined {
  const running = ctx.runtime.get(systemNameOf(instance));
  return running && {
    paused: async (work) => {
      if (running.frozen) return work();
      writeFileSync(markOf(ctx, instance), ""); // a daemon that finds it lets the guest go on
      try {
        await running.cgroups.setFrozen(true);
        return await work();
      } finally {
        await thaw(running, instance.name);
        rmSync(markOf(ctx, instance), { force: true });
      }
    },
  };
}

/** A file, as it need not outlive the machine's run: writing it down in the database takes longer than most snapshots. */
function markOf(ctx: Context, instance: InstanceRecord): string {
  return `${ctx.paths.logs(systemNameOf(instance))}/held-still`;
}

async function thaw(running: Running, name: string): Promise<void> {
  try {
    await running.cgroups.setFrozen(false);
  } catch (error) {
    log.debug("a guest was not thawed: it has ended", { instance: name, error: explain(error) });
  }
}

/** Lets a guest go on that a daemon froze and did not live to thaw. */
export async function thawForgotten(ctx: Context, instance: InstanceRecord, running: Running): Promise<void> {
  if (!existsSync(markOf(ctx, instance))) return;
  await thaw(running, instance.name);
  running.frozen = false;
  rmSync(markOf(ctx, instance), { force: true });
}
