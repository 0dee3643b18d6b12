// backup.yaml beside each instance: all that is known of it, so that it can be told from its folder alone. Backups and moves to
// other servers carry the same.
import { dump } from "js-yaml";
import type { Instance } from "../api/instances.ts";
import type { Snapshot } from "../api/snapshots.ts";
import { zeroTime } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { replaceFile } from "../host/replace-file.ts";
import type { SnapshotRecord } from "./snapshots/store.ts";
import { viewSnapshot } from "./snapshots/view.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { viewInstance } from "./view.ts";

/** What is known of an instance, by LXD's names. */
export interface Description {
  container: Instance;
  snapshots: Snapshot[];
  pool: Record<string, unknown>;
  profiles: Record<string, unknown>[];
  volume: Record<string, unknown>;
  volume_snapshots: Record<string, unknown>[];
}

export function describeInstance(ctx: Context, instance: InstanceRecord, snapshots: readonly SnapshotRecord[]): Description {
  const pool = ctx.pools.get(instance.pool);
  const profiles = instance.profiles.flatMap((name) => ctx.profiles.find(instance.project, name) ?? []);
  const volume = { config: {}, description: "", content_type: "filesystem" };
  return {
    container: viewInstance(ctx, instance),
    snapshots: snapshots.map((one) => viewSnapshot(ctx, instance, one)),
    pool: { name: pool.name, driver: pool.driver, description: pool.description, config: pool.config, used_by: [], status: "Created", locations: ["none"] },
    profiles: profiles.map(({ name, description, config, devices }) => ({ name, description, config, devices, used_by: [] })),
    volume: { name: instance.name, type: "container", ...volume, used_by: [], location: "none", project: instance.project, created_at: instance.createdAt.toISOString() },
    volume_snapshots: snapshots.map((one) => ({
      name: one.name, ...volume, expires_at: one.expiresAt?.toISOString() ?? zeroTime, created_at: one.createdAt.toISOString(),
    })),
  };
}

/** What goes to where files have the guest's own ids. */
export function describeUnshifted(ctx: Context, instance: InstanceRecord, snapshots: readonly SnapshotRecord[]): Description {
  const own = <T extends InstanceRecord | SnapshotRecord>(record: T): T => ({ ...record, config: { ...record.config, "volatile.last_state.idmap": "[]" } });
  return describeInstance(ctx, own(instance), snapshots.map(own));
}

export const renderDescription = (description: unknown) => dump(description, { lineWidth: -1, noRefs: true });

export function writeBackupFile(ctx: Context, instance: InstanceRecord): void {
  const description = describeInstance(ctx, instance, ctx.snapshots.list(instance));
  const content = { ...description, volume: { ...description.volume, layers: instance.volume } };
  const file = `${ctx.pools.driver(instance.pool).folder(systemNameOf(instance))}/backup.yaml`;
  replaceFile(file, renderDescription(content), 0o400);
}
