// Deleting snapshots.
import type { Requestor } from "../../api/events.ts";
import type { Context } from "../../context.ts";
import { writeBackupFile } from "../backup-file.ts";
import { releaseVolumes } from "../release.ts";
import { systemNameOf } from "../store.ts";
import { snapshotUrl } from "./view.ts";

/** Deletes a snapshot, in its instance's turn. Throws `instance_not_found` or `snapshot_not_found`. */
export function deleteSnapshot(ctx: Context, project: string, name: string, snapshotName: string, requestor?: Requestor): Promise<void> {
  return ctx.locks.run(systemNameOf({ project, name }), async () => {
    const instance = ctx.instances.get(project, name);
    const snapshot = ctx.snapshots.get(instance, snapshotName);
    ctx.snapshots.remove(snapshot);
    await releaseVolumes(ctx, instance.pool, [snapshot.volume]);
    writeBackupFile(ctx, instance);
    ctx.events.lifecycle({ action: "instance-snapshot-deleted", source: snapshotUrl(instance, snapshotName), ...(requestor ? { requestor } : {}) }, project);
  });
}
