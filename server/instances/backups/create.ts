// Making a backup: a tarball of LXD's layout. Nothing of the instance is copied but into the tarball.
import type { InstanceBackupsPost } from "../../api/backups.ts";
import { streamCompression } from "../../api/config-keys/compression.ts";
import type { Requestor } from "../../api/events.ts";
import { fail } from "../../api/errors.ts";
import type { Context } from "../../context.ts";
import type { Operation } from "../../operations/operation.ts";
import { assertMakingAllowed } from "../../projects/check.ts";
import { describeUnshifted, renderDescription } from "../backup-file.ts";
import { type Held, withHeld } from "../held.ts";
import { parseExpiry } from "../snapshots/expiry.ts";
import { checkSnapshotName } from "../snapshots/name.ts";
import type { InstanceRecord } from "../store.ts";
import { progressOf } from "../progress.ts";
import { Packer } from "./pack.ts";
import type { BackupRecord } from "./store.ts";
import { backupUrl } from "./view.ts";

export interface BackupPlan {
  instance: InstanceRecord;
  record: Omit<BackupRecord, "id">;
  compression: string;
}

/** Checks a request for a backup. Throws `project_restricted`, `invalid_name`, `backup_exists`, `backup_running`, `invalid_config_value` or `bad_body`. */
export function planBackup(ctx: Context, instance: InstanceRecord, post: InstanceBackupsPost): BackupPlan {
  assertMakingAllowed(ctx, instance.project, "backup");
  const algorithm = post.compression_algorithm || ctx.projects.get(instance.project).config["backups.compression_algorithm"] || ctx.settings.get("backups.compression_algorithm");
  const reason = streamCompression(algorithm);
  if (reason) throw fail("invalid_config_value", { key: "compression_algorithm", reason: `"${algorithm.slice(0, 80)}": ${reason}` });
  const name = post.name || nextName(ctx.backups.store.listAll(instance).map((one) => one.name));
  checkBackupName(name);
  ctx.backups.store.assertFree(instance.id, name);
  ctx.backups.assertIdle(instance);
  const expiresAt = post.expires_at ? parseExpiry(post.expires_at) : undefined;
  return { instance, compression: algorithm, record: { instanceId: instance.id, name, phase: "creating", createdAt: new Date(), expiresAt, instanceOnly: post.instance_only ?? post.container_only ?? false } };
}

/** Throws `invalid_name`. */
export function checkBackupName(name: string): void {
  if (name.includes("/")) throw fail("bad_request", { reason: "Backup names may not contain slashes" });
  checkSnapshotName(name, "backup");
}

function nextName(taken: readonly string[]): string {
  const numbers = taken.flatMap((name) => (/^backup\d{1,9}$/.test(name) ? [Number(name.slice("backup".length))] : []));
  return `backup${Math.max(-1, ...numbers) + 1}`;
}

/** Makes it; leaves nothing behind when it fails. */
export function createBackup(ctx: Context, { instance, record, compression }: BackupPlan, operation: Operation, requestor: Requestor): Promise<void> {
  const { project, name } = instance;
  return ctx.backups.make(instance, operation.signal, async (signal) => {
    const backup = ctx.backups.store.insert(record);
    try {
      const tell = progressOf(operation, "create_backup_progress");
      await withHeld(ctx, project, name, { instanceOnly: record.instanceOnly }, (held) => writeBackup(ctx, held, ctx.backups.file(backup), compression, signal, tell));
      ctx.backups.store.save({ ...backup, phase: "ready" });
    } catch (error) {
      ctx.backups.remove(backup);
      throw error;
    }
    ctx.events.lifecycle({ action: "instance-backup-created", source: backupUrl(instance, record.name), requestor }, project);
  });
}

async function writeBackup(ctx: Context, held: Held, file: string, compression: string, signal: AbortSignal, tell: (bytes: number) => void): Promise<void> {
  const { instance, snapshots } = held;
  const description = describeUnshifted(ctx, instance, snapshots);
  const packer = new Packer(file, compression, signal);
  try {
    for (const [i, snapshot] of [...snapshots, undefined].entries()) {
      const folder = snapshot ? `backup/snapshots/${snapshot.name}` : "backup/container";
      await held.lend(snapshot, folder, async (lent) => {
        lent.room.write(`${folder}/backup.yaml`, renderDescription(description), lent.owner);
        if (i === 0) {
          lent.room.write("backup/index.yaml", renderDescription(indexOf(held, description)), lent.owner);
          await packer.add(lent, "backup/index.yaml", tell);
        }
        await packer.add(lent, folder, tell);
      });
    }
    await packer.finish();
  } catch (error) {
    throw await packer.abandon(error);
  }
}

function indexOf({ instance: { name, pool }, snapshots }: Held, config: ReturnType<typeof describeUnshifted>) {
  return {
    name, backend: config.pool["driver"], pool, ...(snapshots.length > 0 ? { snapshots: snapshots.map((one) => one.name) } : {}),
    optimized: false, optimized_header: false, type: "container", config,
  };
}
