// Putting other files and snapshots in the place of a stopped instance's: all of them, or none.
import type { Context } from "../context.ts";
import type { Content } from "../storage/driver.ts";
import { writeBackupFile } from "./backup-file.ts";
import { finishInstance } from "./finish.ts";
import { currentIdMap } from "./idmap.ts";
import { releaseVolumes } from "./release.ts";
import { rememberDiskMap } from "./shift.ts";
import type { SnapshotRecord } from "./snapshots/store.ts";
import { type InstanceRecord, volumeOf } from "./store.ts";

export interface Replacement {
  content: Content;
  /** Snapshots that come with it, their files in the target's pool. */
  brought: readonly Parameters<Context["snapshots"]["insert"]>[0][];
  /** Snapshots of the target that are to go. */
  outdated: readonly SnapshotRecord[];
}

/** The caller holds the target's lock; `target` is as it is stored, but for the configuration that it is to have. */
export async function replaceContent(ctx: Context, target: InstanceRecord, { content, brought, outdated }: Replacement): Promise<void> {
  const { project, name, pool } = target;
  try {
    await ctx.pools.driver(pool).restore(volumeOf(target), content, currentIdMap(target), (volume, replaceBy) => {
      const next = { ...target, volume, config: { ...target.config, "volatile.apply_template": "copy" }, unfinished: { replaceBy } };
      rememberDiskMap(next);
      ctx.db.transaction(() => {
        ctx.instances.save(next);
        for (const one of outdated) ctx.snapshots.remove(one);
        for (const one of brought) ctx.snapshots.insert(one);
      })();
    });
  } finally {
    await finishInstance(ctx, ctx.instances.get(project, name));
  }
  writeBackupFile(ctx, ctx.instances.get(project, name));
  await releaseVolumes(ctx, pool, [target.volume, ...outdated.map((one) => one.volume)]);
}
