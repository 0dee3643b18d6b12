// Backups of instances: a tarball each, of LXD's layout, until they are deleted or expire.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { ListQuery, ProjectQuery, RenameBody, Timestamp, urlsOr } from "./schemas.ts";

export const InstanceBackup = Type.Object({
  name: Type.String(),
  created_at: Timestamp,
  expires_at: Timestamp,
  instance_only: Type.Boolean({ description: "Without its snapshots" }),
  container_only: Type.Boolean({ description: "Older name of instance_only" }),
  optimized_storage: Type.Boolean({ description: "Always false: backups can be read by any pool" }),
});
export type InstanceBackup = Static<typeof InstanceBackup>;

export const InstanceBackupsPost = Type.Object({
  name: Type.Optional(Type.String({ description: "backup0, backup1, … when absent" })),
  expires_at: Type.Optional(Timestamp),
  instance_only: Type.Optional(Type.Boolean()),
  container_only: Type.Optional(Type.Boolean()),
  optimized_storage: Type.Optional(Type.Boolean({ description: "Accepted; the plain format is written" })),
  compression_algorithm: Type.Optional(Type.String({ description: "As in backups.compression_algorithm" })),
});
export type InstanceBackupsPost = Static<typeof InstanceBackupsPost>;

const errors = ["instance_not_found", "backup_not_found"] as const;
const since = "container_backup";

export const backupEndpoints = defineEndpoints({
  listBackups: {
    method: "GET", path: "/1.0/instances/:name/backups", access: "view", kind: "sync", query: ListQuery, since, response: urlsOr(InstanceBackup),
    errors: ["instance_not_found"], summary: "List an instance's backups",
  },
  createBackup: {
    method: "POST", path: "/1.0/instances/:name/backups", access: "operate", kind: "operation", query: ProjectQuery, body: InstanceBackupsPost, since,
    errors: ["instance_not_found", "backup_exists", "invalid_name", "invalid_config_value", "disk_full"], summary: "Back up an instance, running or not",
  },
  getBackup: {
    method: "GET", path: "/1.0/instances/:name/backups/:backup", access: "view", kind: "sync", query: ProjectQuery, since, response: InstanceBackup,
    errors, summary: "Show a backup",
  },
  renameBackup: {
    method: "POST", path: "/1.0/instances/:name/backups/:backup", access: "operate", kind: "operation", query: ProjectQuery, since, body: RenameBody,
    errors: [...errors, "backup_exists", "invalid_name"], summary: "Rename a backup",
  },
  deleteBackup: {
    method: "DELETE", path: "/1.0/instances/:name/backups/:backup", access: "operate", kind: "operation", query: ProjectQuery, since,
    errors, summary: "Delete a backup",
  },
  exportBackup: {
    method: "GET", path: "/1.0/instances/:name/backups/:backup/export", access: "operate", kind: "raw", query: ProjectQuery, since,
    errors, summary: "Download a backup",
  },
});
