// Changing a snapshot's name, and when it expires. Its files know nothing of either.
import { fail } from "../../api/errors.ts";
import type { Requestor } from "../../api/events.ts";
import type { Context } from "../../context.ts";
import { writeBackupFile } from "../backup-file.ts";
import { type InstanceRecord, systemNameOf } from "../store.ts";
import { checkSnapshotName } from "./name.ts";
import { snapshotUrl } from "./view.ts";

/** Throws `invalid_name` or `snapshot_exists`. */
export function assertSnapshotNameFree(ctx: Context, instance: InstanceRecord, name: string): void {
  checkSnapshotName(name);
  if (ctx.snapshots.find(instance, name)) throw fail("snapshot_exists", { name, instance: instance.name });
}

/** Renames a snapshot, in its instance's turn. */
export function renameSnapshot(ctx: Context, project: string, name: string, oldName: string, newName: string, requestor: Requestor): Promise<void> {
  return ctx.locks.run(systemNameOf({ project, name }), async () => {
    const instance = ctx.instances.get(project, name);
    assertSnapshotNameFree(ctx, instance, newName);
    ctx.snapshots.save({ ...ctx.snapshots.get(instance, oldName), name: newName });
    writeBackupFile(ctx, instance);
    ctx.events.lifecycle({
      action: "instance-snapshot-renamed", source: snapshotUrl(instance, newName), requestor, context: { old_name: `${name}/${oldName}` },
    }, project);
  });
}

/** Changes when a snapshot expires, in its instance's turn. */
export function setSnapshotExpiry(ctx: Context, project: string, name: string, snapshotName: string, expiresAt: Date | undefined, requestor: Requestor): Promise<void> {
  return ctx.locks.run(systemNameOf({ project, name }), async () => {
    const instance = ctx.instances.get(project, name);
    ctx.snapshots.save({ ...ctx.snapshots.get(instance, snapshotName), expiresAt });
    writeBackupFile(ctx, instance);
    ctx.events.lifecycle({ action: "instance-snapshot-updated", source: snapshotUrl(instance, snapshotName), requestor }, project);
  });
}
