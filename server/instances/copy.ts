// Copying an instance, or one of its snapshots, to a new instance, or over one that is there (a refresh).
import { fail } from "../api/errors.ts";
import type { InstancesPost } from "../api/instances.ts";
import type { Config } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { withUndo } from "../undo.ts";
import { assertContainer, completeInstance, dropVolatile, reserveName } from "./create.ts";
import { removeInstance } from "./delete.ts";
import { currentIdMap } from "./idmap.ts";
import { refreshInstance } from "./refresh.ts";
import type { SnapshotRecord } from "./snapshots/store.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { bringSnapshots, releaseAll, type Temporary, takeContent } from "./transfer.ts";

export interface CopyReservation {
  source: InstanceRecord;
  snapshot: string | undefined;
  target: InstanceRecord;
  /** The target is there already. */
  refresh: boolean;
  instanceOnly: boolean;
}

/** Checks a request for a copy, and takes the name of a new instance. Throws what is wrong; nothing is made then. */
export function reserveCopy(ctx: Context, project: string, post: InstancesPost): CopyReservation {
  assertContainer(post.type);
  if (!post.source?.source) throw fail("bad_request", { reason: "Must specify a source instance" });
  if (post.stateful) throw fail("stateful_unsupported");
  const [name = "", snapshotName] = post.source.source.split("/", 2);
  const source = ctx.instances.get(post.source.project ? ctx.projects.named(post.source.project) : project, name);
  const snapshot = snapshotName === undefined ? undefined : ctx.snapshots.get(source, snapshotName);
  const about = { source, snapshot: snapshot?.name, instanceOnly: snapshot !== undefined || (post.source.instance_only ?? post.source.container_only ?? false) };
  const existing = post.name ? ctx.instances.find(project, post.name) : undefined;
  if (post.source.refresh && existing?.phase === "ready") return { ...about, target: assertRefreshable(ctx, existing, source), refresh: true };
  const target = reserveName(ctx, project, wishOf(source, snapshot, post), {
    ...only(source.config, "volatile.base_image"), "volatile.apply_template": "copy",
  });
  return { ...about, target, refresh: false };
}

/** Throws `instance_running`, or that it cannot be brought up to date from itself. */
export function assertRefreshable(ctx: Context, target: InstanceRecord, source: InstanceRecord): InstanceRecord {
  if (target.id === source.id) throw fail("bad_request", { reason: "An instance cannot be refreshed from itself" });
  if (ctx.runtime.get(systemNameOf(target))) throw fail("instance_running");
  return target;
}

/** What the copy is to be: as the source, but for what the request says. */
function wishOf(source: InstanceRecord, snapshot: SnapshotRecord | undefined, post: InstancesPost) {
  const { config, devices, profiles, architecture } = snapshot ?? source;
  return {
    ...post, architecture, profiles: post.profiles ?? profiles,
    config: { ...dropVolatile(config), ...dropVolatile(post.config ?? {}) }, devices: { ...devices, ...post.devices },
  };
}

function only(config: Config, key: string): Config {
  return config[key] === undefined ? {} : { [key]: config[key] };
}

/** Makes the copy; the caller holds the locks of both. When it fails, all is as it was, and a new name free again. */
export async function copyInstance(ctx: Context, reservation: CopyReservation): Promise<void> {
  const temporary: Temporary[] = [];
  try {
    if (reservation.refresh) await refreshInstance(ctx, reservation, temporary);
    else await makeCopy(ctx, reservation, temporary);
  } finally {
    await releaseAll(ctx, temporary);
  }
}

async function makeCopy(ctx: Context, { source: { project, name }, snapshot, target, instanceOnly }: CopyReservation, temporary: Temporary[]): Promise<void> {
  const { pool } = target;
  await withUndo(async (undo) => {
    undo.push(() => removeInstance(ctx, target));
    await ctx.runtime.settled(systemNameOf({ project, name }));
    const source = ctx.instances.get(project, name);
    const snapshots = instanceOnly ? [] : ctx.snapshots.list(source);
    const content = await takeContent(ctx, source, snapshot, target, pool, snapshots, temporary);
    for (const one of await bringSnapshots(ctx, source, target, pool, snapshots, temporary)) ctx.snapshots.insert(one);
    target.volume = await ctx.pools.driver(pool).createFrom(systemNameOf(target), content, currentIdMap(target), content.isOurs);
    ctx.instances.save(target);
    await completeInstance(ctx, target, undo);
  });
}
