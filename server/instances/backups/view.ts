// Backups as clients see them.
import type { InstanceBackup } from "../../api/backups.ts";
import { zeroTime } from "../../api/schemas.ts";
import type { InstanceRecord } from "../store.ts";
import type { BackupRecord } from "./store.ts";

export function viewBackup({ name, createdAt, expiresAt, instanceOnly }: BackupRecord): InstanceBackup {
  return {
    name, created_at: createdAt.toISOString(), expires_at: expiresAt?.toISOString() ?? zeroTime, instance_only: instanceOnly, container_only: instanceOnly,
    optimized_storage: false,
  };
}

export function backupUrl({ name, project }: Pick<InstanceRecord, "name" | "project">, backup: string, noun = "instances"): string {
  return `/1.0/${noun}/${name}/backups/${encodeURIComponent(backup)}${project === "default" ? "" : `?project=${encodeURIComponent(project)}`}`;
}
