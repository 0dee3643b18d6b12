// Finishing on disk what was decided in the database, when a daemon did not live to do it or a disk was full.
import type { Context } from "../context.ts";
import { currentIdMap } from "./idmap.ts";
import { moveFolders } from "./rename.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "./store.ts";

/** Does what is left to do for an instance that does not run. */
export async function finishInstance(ctx: Context, instance: InstanceRecord): Promise<void> {
  const { renamedFrom, replaceBy, leftover } = instance.unfinished;
  if (Object.keys(instance.unfinished).length === 0) return;
  const [name, driver] = [systemNameOf(instance), ctx.pools.driver(instance.pool)];
  if (renamedFrom) await driver.rename(renamedFrom, name);
  if (renamedFrom || leftover) moveFolders(ctx, renamedFrom ?? name, name, driver.folder(name));
  if (leftover && ctx.pools.has(leftover.pool)) await ctx.pools.driver(leftover.pool).remove(leftover.name);
  if (replaceBy) await driver.replace(volumeOf(instance), replaceBy, currentIdMap(instance));
  ctx.instances.save({ ...ctx.instances.get(instance.project, instance.name), unfinished: {} });
}
