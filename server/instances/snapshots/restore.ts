// Bringing an instance back to what it was when a snapshot was taken: its files and its configuration.
import { fail } from "../../api/errors.ts";
import type { Requestor } from "../../api/events.ts";
import type { Config } from "../../api/schemas.ts";
import type { Context } from "../../context.ts";
import { assertFitsProject } from "../../projects/check.ts";
import { ownKeys } from "../transfer.ts";
import { applyInstance, assertRootKept } from "../apply.ts";
import { assertProfiles, expandInstance } from "../expanded.ts";
import { currentIdMap } from "../idmap.ts";
import { releaseVolumes } from "../release.ts";
import { diskMap, rememberDiskMap } from "../shift.ts";
import { startInstance } from "../start.ts";
import { forceStop } from "../stop.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "../store.ts";
import { instanceUrl } from "../view.ts";
import type { SnapshotRecord } from "./store.ts";

/** The snapshot that a request names: `s0`, or `c1/s0`. Throws `snapshot_to_restore_missing`. */
export function snapshotToRestore(ctx: Context, instance: InstanceRecord, restore: string): SnapshotRecord {
  const [owner, name] = restore.includes("/") ? restore.split("/", 2) : [instance.name, restore];
  const found = owner === instance.name ? ctx.snapshots.find(instance, name ?? "") : undefined;
  if (!found) throw fail("snapshot_to_restore_missing", { instance: owner ?? "", name: name ?? "" });
  return found;
}

/** Restores a snapshot, in the instance's turn. One that runs is stopped and started again. */
export function restoreSnapshot(ctx: Context, project: string, name: string, restore: string, stateful: boolean, requestor: Requestor): Promise<void> {
  return ctx.locks.run(systemNameOf({ project, name }), async () => {
    if (stateful) throw fail("stateful_unsupported");
    const snapshot = snapshotToRestore(ctx, ctx.instances.get(project, name), restore);
    assertRestorable(ctx, ctx.instances.get(project, name), snapshot);
    const wasRunning = ctx.runtime.get(systemNameOf({ project, name })) !== undefined;
    if (wasRunning) await forceStop(ctx, project, name, { reason: "restart" });
    await ctx.runtime.settled(systemNameOf({ project, name }));
    try {
      await bringBack(ctx, project, name, snapshot);
    } finally {
      if (wasRunning) await startInstance(ctx, project, name, { requestor });
    }
    ctx.events.lifecycle({
      action: "instance-restored", source: instanceUrl({ project, name }), requestor, context: { snapshot: `${name}/${snapshot.name}` },
    }, project);
  });
}

/** Throws what would keep the instance from being what the snapshot says, before anything is touched. */
function assertRestorable(ctx: Context, instance: InstanceRecord, snapshot: SnapshotRecord): void {
  assertProfiles(ctx, instance.project, snapshot.profiles);
  assertRootKept(instance, expandInstance(ctx, { ...snapshot, project: instance.project }));
  const { config, devices, profiles } = snapshot;
  assertFitsProject(ctx, { ...instance, config, devices, profiles });
}

async function bringBack(ctx: Context, project: string, name: string, snapshot: SnapshotRecord): Promise<void> {
  const before = ctx.instances.get(project, name);
  const { architecture, ephemeral, description, devices, profiles } = snapshot;
  const config = { ...select(before.config, ownKeys), ...without(snapshot.config, runningKeys), ...select(before.config, runningKeys) };
  await ctx.pools.driver(before.pool).restore(volumeOf(before), { record: snapshot.volume, map: diskMap(snapshot.config) }, currentIdMap(before), (volume, replaceBy) => {
    const next = { ...before, architecture, ephemeral, description, config, devices, profiles, volume, unfinished: { replaceBy } };
    rememberDiskMap(next);
    ctx.instances.save(next);
  });
  const restored = { ...ctx.instances.get(project, name), unfinished: {} };
  await applyInstance(ctx, restored, expandInstance(ctx, before), () => ctx.instances.save(restored));
  await releaseVolumes(ctx, before.pool, [before.volume]);
}

/** Keys that tell of the present run, or of this machine's ids. */
const runningKeys = /^volatile\.(last_state\.power|last_state\.ready|idmap\..+|.+\.host_name|.+\.last_state\..+)$/;

function select(config: Config, keys: RegExp): Config {
  return Object.fromEntries(Object.entries(config).filter(([key]) => keys.test(key)));
}

function without(config: Config, keys: RegExp): Config {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !keys.test(key)));
}
