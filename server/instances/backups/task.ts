// Deleting expired backups, hourly: a background operation of no project, and none when there is nothing to do.
import type { Context } from "../../context.ts";
import { backupUrl } from "./view.ts";

const hour = 3_600_000;

/** Does it at once and then every hour; the result ends it. */
export function keepBackupTimes(ctx: Context): () => void {
  pruneBackups(ctx, new Date());
  const timer = setInterval(() => pruneBackups(ctx, new Date()), hour).unref();
  return () => clearInterval(timer);
}

/** Deletes what has expired by this time. */
export function pruneBackups(ctx: Context, time: Date): void {
  const expired = ctx.backups.store.expired(time);
  if (expired.length === 0 || ctx.shutdown.begun) return;
  ctx.operations.start({
    description: "Cleaning up expired instance backups", project: "",
    run: async () => {
      for (const backup of expired) {
        const instance = ctx.instances.findById(backup.instanceId);
        ctx.backups.remove(backup);
        if (instance) ctx.events.lifecycle({ action: "instance-backup-deleted", source: backupUrl(instance, backup.name) }, instance.project);
      }
    },
  });
}
