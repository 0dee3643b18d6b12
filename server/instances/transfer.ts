// Bringing what an instance holds to where another one is to have it: a snapshot for the purpose, in the other's pool.
import type { Context } from "../context.ts";
import type { DeviceMap } from "../api/schemas.ts";
import { findRootDisk } from "../devices/check.ts";
import type { Content, VolumeRecord } from "../storage/driver.ts";
import { expandInstance } from "./expanded.ts";
import { currentIdMap } from "./idmap.ts";
import { releaseVolumes } from "./release.ts";
import { diskMap, rememberDiskMap } from "./shift.ts";
import { liveGuest } from "./snapshots/guest.ts";
import type { SnapshotRecord } from "./snapshots/store.ts";
import { type InstanceRecord, volumeOf } from "./store.ts";

/** Something made on the way: whoever made it lets go of it in the end. */
export interface Temporary {
  pool: string;
  volume: VolumeRecord;
}

export async function releaseAll(ctx: Context, temporary: readonly Temporary[]): Promise<void> {
  for (const { pool, volume } of temporary) await releaseVolumes(ctx, pool, [volume]);
}

/** What was taken, and whether it was taken for this alone. */
export type Taken = Content & { isOurs: boolean };

/**
 * What `source` holds (or held, as one of its snapshots), in the pool of `target`. Notes in the target's row what it and the
 * `snapshots` that are to follow need there, so that nobody removes it meanwhile.
 */
export async function takeContent(ctx: Context, source: InstanceRecord, snapshot: string | undefined, target: InstanceRecord, pool: string, snapshots: readonly SnapshotRecord[], temporary: Temporary[]): Promise<Taken> {
  const taken = snapshot === undefined ? await takeNow(ctx, source, temporary) : takeSnapshot(ctx, source, snapshot);
  const row = target.phase === "creating" ? target : ctx.instances.get(target.project, target.name);
  row.unfinished = { ...row.unfinished, pins: [...new Set([taken.record, ...snapshots.map(({ volume }) => volume)].flatMap(({ layers }) => layers))] };
  ctx.instances.save(row);
  if (pool === source.pool) return taken;
  const record = await ctx.pools.driver(pool).adopt(taken, ctx.pools.driver(source.pool), currentIdMap(target));
  temporary.push({ pool, volume: record });
  return { record, map: currentIdMap(target), isOurs: true };
}

/** A snapshot of what an instance holds now, for the caller alone. The caller holds the instance's lock. */
export async function takeNow(ctx: Context, source: InstanceRecord, temporary: Temporary[]): Promise<Taken> {
  let record: VolumeRecord | undefined;
  await ctx.pools.driver(source.pool).snapshot(volumeOf(source), currentIdMap(source), liveGuest(ctx, source), (taken, next) => {
    ctx.instances.save({ ...ctx.instances.get(source.project, source.name), volume: next });
    record = taken;
  });
  if (!record) throw new Error("a snapshot was not handed over");
  temporary.push({ pool: source.pool, volume: record }, { pool: source.pool, volume: source.volume });
  return { record, map: diskMap(source.config), isOurs: true };
}

function takeSnapshot(ctx: Context, source: InstanceRecord, name: string): Taken {
  const { volume, config } = ctx.snapshots.get(source, name);
  return { record: volume, map: diskMap(config), isOurs: false };
}

/** Keys that make an instance itself: snapshots that come from another one must not bring them. */
export const ownKeys = /^volatile\.(uuid|cloud-init\.instance-id|.+\.hwaddr)$/;

/** Gives `target` snapshots like these of `source`'s, in a pool: they are to be written down, or let go of. */
export async function bringSnapshots(ctx: Context, source: InstanceRecord, target: InstanceRecord, pool: string, snapshots: readonly SnapshotRecord[], temporary: Temporary[]): Promise<SnapshotRecord[]> {
  const made: SnapshotRecord[] = [];
  for (const snapshot of snapshots) {
    const content = { record: snapshot.volume, map: diskMap(snapshot.config) };
    const volume = await ctx.pools.driver(pool).adopt(content, ctx.pools.driver(source.pool), currentIdMap(target));
    temporary.push({ pool, volume });
    const config = Object.fromEntries(Object.entries(snapshot.config).filter(([key]) => source.id === target.id || !ownKeys.test(key)));
    const map = target.config["volatile.idmap.current"];
    if (map) config["volatile.idmap.current"] = map;
    if (source.id !== target.id) config["volatile.apply_template"] = "copy"; // files such as /etc/hostname are the source's
    const copy = { ...snapshot, instanceId: target.id, volume, config, devices: rootIn(ctx, target.project, snapshot, pool) };
    rememberDiskMap(copy);
    made.push(copy);
  }
  return made;
}

/** Devices of an instance or a snapshot, with the root disk in a pool. */
export function rootIn(ctx: Context, project: string, record: Pick<InstanceRecord, "config" | "devices" | "profiles">, pool: string): DeviceMap {
  const { devices } = expandInstance(ctx, { ...record, project });
  const root = findRootDisk(devices);
  if (root?.pool === pool) return record.devices;
  const name = root?.name ?? "root";
  return { ...record.devices, [name]: { type: "disk", path: "/", ...devices[name], pool } };
}
