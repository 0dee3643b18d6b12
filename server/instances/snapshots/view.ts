// Snapshots as clients see them.
import { type Snapshot } from "../../api/snapshots.ts";
import { zeroTime } from "../../api/schemas.ts";
import type { Context } from "../../context.ts";
import { urlIn } from "../../projects/url.ts";
import { expandInstance } from "../expanded.ts";
import type { InstanceRecord } from "../store.ts";
import type { SnapshotRecord } from "./store.ts";

export function viewSnapshot(ctx: Context, instance: Pick<InstanceRecord, "project">, snapshot: SnapshotRecord): Snapshot {
  const expanded = expandInstance(ctx, { ...snapshot, project: instance.project });
  return {
    name: snapshot.name,
    created_at: snapshot.createdAt.toISOString(),
    expires_at: snapshot.expiresAt?.toISOString() ?? zeroTime,
    last_used_at: zeroTime,
    architecture: snapshot.architecture,
    config: snapshot.config,
    devices: snapshot.devices,
    ephemeral: snapshot.ephemeral,
    expanded_config: expanded.config,
    expanded_devices: expanded.devices,
    profiles: snapshot.profiles,
    stateful: false,
    size: -1,
  };
}

/** All of an instance's; null when it has none, as LXD has it. */
export function viewSnapshots(ctx: Context, instance: InstanceRecord): Snapshot[] | null {
  const all = ctx.snapshots.list(instance);
  return all.length > 0 ? all.map((snapshot) => viewSnapshot(ctx, instance, snapshot)) : null;
}

export function snapshotUrl({ name, project }: Pick<InstanceRecord, "name" | "project">, snapshot: string, noun = "instances"): string {
  return urlIn(project, `/1.0/${noun}/${name}/snapshots/${encodeURIComponent(snapshot)}`);
}
