// Giving a stopped instance another name on disk: it got another name, or moved to another project.
import { existsSync, renameSync, rmSync, symlinkSync } from "node:fs";
import type { Context } from "../context.ts";
import { withUndo } from "../undo.ts";
import { currentIdMap } from "./idmap.ts";
import type { SnapshotRecord } from "./snapshots/store.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "./store.ts";

/** Its snapshots, as they are to be; those that are not among them are removed. */
export interface Snapshots {
  before: readonly SnapshotRecord[];
  after: readonly SnapshotRecord[];
}

/**
 * Writes `moved` in place of `instance` and moves what lies under its name; the caller holds the locks of both names. When it
 * fails all is as it was; when the daemon does not live to finish it, the next one does.
 */
export async function relocate(ctx: Context, instance: InstanceRecord, moved: InstanceRecord, snapshots: Snapshots = { before: [], after: [] }): Promise<void> {
  const [before, after] = [systemNameOf(instance), systemNameOf(moved)];
  const [driver, map] = [ctx.pools.driver(instance.pool), currentIdMap(instance)];
  await withUndo(async (undo) => {
    write(ctx, { ...moved, unfinished: { renamedFrom: before } }, snapshots);
    undo.push(() => write(ctx, instance, { before: snapshots.after, after: snapshots.before }));
    undo.push(() => driver.ensureMounted(volumeOf(instance), map));
    await driver.rename(before, after);
    undo.push(() => driver.rename(after, before));
    await driver.ensureMounted(volumeOf(moved), map);
    moveFolders(ctx, before, after, driver.folder(after));
  });
  ctx.instances.save({ ...moved, unfinished: {} });
}

function write(ctx: Context, instance: InstanceRecord, { before, after }: Snapshots): void {
  const among = (all: readonly SnapshotRecord[], { id }: SnapshotRecord) => all.some((one) => one.id === id);
  ctx.db.transaction(() => {
    ctx.instances.save(instance);
    for (const one of before) if (!among(after, one)) ctx.snapshots.remove(one);
    for (const one of after) {
      if (among(before, one)) ctx.snapshots.save(one);
      else ctx.snapshots.insert(one);
    }
  })();
}

/** Moves what lies beside the volume of an instance. Can be repeated. */
export function moveFolders(ctx: Context, before: string, after: string, volume: string): void {
  for (const folder of [(name: string) => ctx.paths.logs(name), (name: string) => ctx.paths.devices(name)]) {
    if (existsSync(folder(before))) renameSync(folder(before), folder(after));
  }
  rmSync(`${ctx.paths.security}/${before}`, { force: true });
  for (const name of [before, after]) rmSync(`${ctx.paths.containers}/${name}`, { force: true });
  symlinkSync(volume, `${ctx.paths.containers}/${after}`);
}
