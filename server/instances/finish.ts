// Finishing on disk what was decided in the database, when a daemon did not live to do it or a disk was full.
import type { Context } from "../context.ts";
import { devicesOf, withdrawDevices } from "./devices.ts";
import { expandInstance } from "./expanded.ts";
import { currentIdMap } from "./idmap.ts";
import { moveFolders } from "./relocate.ts";
import { type InstanceRecord, nameParts, systemNameOf, volumeOf } from "./store.ts";

/** Does what is left to do for an instance that does not run. */
export async function finishInstance(ctx: Context, instance: InstanceRecord): Promise<void> {
  const { renamedFrom, replaceBy, leftover } = instance.unfinished;
  if (Object.keys(instance.unfinished).length === 0) return;
  const [name, driver] = [systemNameOf(instance), ctx.pools.driver(instance.pool)];
  if (renamedFrom) {
    await driver.rename(renamedFrom, name);
    await withdrawFormer(ctx, instance, renamedFrom);
  }
  if (renamedFrom || leftover) moveFolders(ctx, renamedFrom ?? name, name, driver.folder(name));
  if (leftover && ctx.pools.has(leftover.pool)) await ctx.pools.driver(leftover.pool).remove(leftover.name);
  if (replaceBy) await driver.replace(volumeOf(instance), replaceBy, currentIdMap(instance));
  ctx.instances.save({ ...ctx.instances.get(instance.project, instance.name), unfinished: {} });
}

/** Networks forget the instance as it was called before. */
async function withdrawFormer(ctx: Context, instance: InstanceRecord, systemName: string): Promise<void> {
  const former = { ...instance, ...nameParts(systemName) };
  await withdrawDevices(devicesOf(ctx, former, expandInstance(ctx, instance)));
}
