// Taking snapshots.
import { fail } from "../../api/errors.ts";
import type { Requestor } from "../../api/events.ts";
import type { SnapshotsPost } from "../../api/snapshots.ts";
import type { Context } from "../../context.ts";
import { assertMakingAllowed } from "../../projects/check.ts";
import { writeBackupFile } from "../backup-file.ts";
import { expandInstance } from "../expanded.ts";
import { currentIdMap } from "../idmap.ts";
import { releaseVolumes } from "../release.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "../store.ts";
import { endOfSpan, parseExpiry } from "./expiry.ts";
import { liveGuest } from "./guest.ts";
import { checkSnapshotName, nextSnapshotName } from "./name.ts";
import type { SnapshotRecord } from "./store.ts";
import { snapshotUrl } from "./view.ts";

/** Checks a request for a snapshot. Throws `invalid_name`, `snapshot_exists`, `stateful_unsupported`, `project_restricted` or `bad_body`. */
export function checkSnapshotPost(ctx: Context, instance: InstanceRecord, post: SnapshotsPost): void {
  if (post.stateful) throw fail("stateful_unsupported");
  assertMakingAllowed(ctx, instance.project, "snapshot");
  if (post.expires_at) parseExpiry(post.expires_at);
  if (post.name) checkSnapshotName(post.name);
  if (post.name && ctx.snapshots.find(instance, post.name)) throw fail("snapshot_exists", { name: post.name, instance: instance.name });
}

/** Takes a snapshot of an instance, running or not, in its turn; gives the snapshot's name. Throws what `checkSnapshotPost` does. */
export function createSnapshot(ctx: Context, project: string, name: string, post: SnapshotsPost, requestor?: Requestor): Promise<string> {
  return ctx.locks.run(systemNameOf({ project, name }), () => takeSnapshot(ctx, project, name, post, requestor));
}

/** Does it; the caller holds the instance's lock. */
export async function takeSnapshot(ctx: Context, project: string, name: string, post: SnapshotsPost, requestor?: Requestor): Promise<string> {
  await ctx.runtime.settled(systemNameOf({ project, name }));
  const instance = ctx.instances.get(project, name);
  checkSnapshotPost(ctx, instance, post);
  const expanded = expandInstance(ctx, instance);
  const now = new Date();
  const made = {
    name: post.name || nextSnapshotName(expanded.config["snapshots.pattern"], ctx.snapshots.list(instance).map((one) => one.name), now),
    createdAt: now, expiresAt: post.expires_at ? parseExpiry(post.expires_at) : endOfSpan(expanded.config["snapshots.expiry"], now),
  };
  await ctx.pools.driver(instance.pool).snapshot(volumeOf(instance), currentIdMap(instance), liveGuest(ctx, instance), (taken, next) => {
    ctx.db.transaction(() => {
      const current = ctx.instances.get(project, name);
      ctx.snapshots.insert({ ...snapshotOf(current), ...made, volume: taken });
      ctx.instances.save({ ...current, volume: next });
    })();
  });
  const { own } = ctx.instances.get(project, name).volume;
  if (own !== instance.volume.own) await releaseVolumes(ctx, instance.pool, [instance.volume]); // its layers may have become one
  writeBackupFile(ctx, ctx.instances.get(project, name));
  ctx.events.lifecycle({ action: "instance-snapshot-created", source: snapshotUrl(instance, made.name), ...(requestor ? { requestor } : {}) }, project);
  return made.name;
}

/** What a snapshot keeps of an instance besides its files. */
function snapshotOf(instance: InstanceRecord): Omit<SnapshotRecord, "id" | "name" | "volume" | "createdAt" | "expiresAt"> {
  const { architecture, ephemeral, description, config, devices, profiles } = instance;
  return { instanceId: instance.id, architecture, ephemeral, description, config, devices, profiles };
}
