// Finishing on disk what was decided in the database, when a daemon did not live to do it or a disk was full.
import type { Context } from "../context.ts";
import { currentIdMap } from "./idmap.ts";
import { moveFolders } from "./rename.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "./store.ts";

/** Does what is left to do for an instance that does not run. */
export async function finishInstance(ctx: Context, instance: InstanceRecord): Promise<void> {
  const { renamedFrom, replaceBy } = instance.unfinished;
  const driver = ctx.pools.driver(instance.pool);
  if (renamedFrom) {
    await driver.rename(renamedFrom, systemNameOf(instance));
    moveFolders(ctx, renamedFrom, systemNameOf(instance), driver.folder(systemNameOf(instance)));
  }
  if (replaceBy) await driver.replace(volumeOf(instance), replaceBy, currentIdMap(instance));
  if (renamedFrom || replaceBy) ctx.instances.save({ ...ctx.instances.get(instance.project, instance.name), unfinished: {} });
}
