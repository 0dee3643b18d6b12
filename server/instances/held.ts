// What an instance is and holds at one moment, to be read for as long as it takes: by backups, and by moves to other servers.
import type { Context } from "../context.ts";
import type { Lent } from "../storage/driver.ts";
import { releaseVolumes } from "./release.ts";
import { diskMap } from "./shift.ts";
import { liveGuest } from "./snapshots/guest.ts";
import type { SnapshotRecord } from "./snapshots/store.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "./store.ts";
import { releaseAll, type Temporary, takeNow } from "./transfer.ts";

export interface Held {
  instance: InstanceRecord;
  /** Oldest first. */
  snapshots: readonly SnapshotRecord[];
  /** Lends the files of a snapshot, or those of the moment, as the folder `at` of a room. */
  lend<T>(snapshot: SnapshotRecord | undefined, at: string, work: (lent: Lent) => Promise<T>): Promise<T>;
}

export interface Wish {
  /** Without its snapshots. */
  instanceOnly: boolean;
  /** This one in place of what it is now. */
  snapshot?: string | undefined;
}

/**
 * Lends an instance and, if wanted, its snapshots. Of layers a snapshot is taken, in the instance's turn, and it goes on meanwhile; what
 * has files of its own is lent as it is, and its guest is held still.
 */
export async function withHeld<T>(ctx: Context, project: string, name: string, wish: Wish, work: (held: Held) => Promise<T>): Promise<T> {
  const systemName = systemNameOf({ project, name });
  const finish = await ctx.locks.run(systemName, async () => {
    await ctx.runtime.settled(systemName);
    const instance = ctx.instances.get(project, name);
    const only = wish.snapshot === undefined ? undefined : ctx.snapshots.get(instance, wish.snapshot);
    const snapshots = wish.instanceOnly || only ? [] : ctx.snapshots.list(instance);
    const driver = ctx.pools.driver(instance.pool);
    const lendSnapshot = <R>({ volume, config }: SnapshotRecord, at: string, use: (lent: Lent) => Promise<R>) => driver.showSnapshot({ record: volume, map: diskMap(config) }, at, use);
    if (!only && instance.volume.kind !== "overlay") {
      const result = await work({
        instance, snapshots,
        lend: (snapshot, at, use) => (snapshot ? lendSnapshot(snapshot, at, use) : driver.showVolume(volumeOf(instance), diskMap(instance.config), liveGuest(ctx, instance), at, use)),
      });
      return async () => result;
    }
    const temporary: Temporary[] = [];
    const taken = only ? { record: only.volume, map: diskMap(only.config) } : await takeNow(ctx, instance, temporary);
    const volumes = [taken.record, ...snapshots.map(({ volume }) => volume)];
    const letGo = volumes.map((record) => ctx.instances.hold(instance.pool, record));
    return async () => {
      try {
        return await work({ instance, snapshots, lend: (snapshot, at, use) => (snapshot ? lendSnapshot(snapshot, at, use) : driver.showSnapshot(taken, at, use)) });
      } finally {
        for (const release of letGo) release();
        await releaseVolumes(ctx, instance.pool, volumes);
        await releaseAll(ctx, temporary);
      }
    };
  });
  return finish();
}
