// Snapshots of instances: what an instance was at a time, to go back to or to copy from.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { Devices, ListQuery, ProjectQuery, StringMap, Timestamp, MigrationTarget } from "./schemas.ts";

const ExpiresAt = Type.Optional(Type.Union([Type.String({ description: "RFC 3339; the zero time: never. Absent: as snapshots.expiry says" }), Type.Null()]));

export const Snapshot = Type.Object({
  name: Type.String(),
  created_at: Timestamp,
  expires_at: Timestamp,
  last_used_at: Timestamp,
  architecture: Type.String(),
  config: StringMap,
  devices: Devices,
  ephemeral: Type.Boolean(),
  expanded_config: StringMap,
  expanded_devices: Devices,
  profiles: Type.Array(Type.String()),
  stateful: Type.Boolean(),
  size: Type.Integer({ description: "Bytes; -1 when unknown" }),
});
export type Snapshot = Static<typeof Snapshot>;

export const SnapshotsPost = Type.Object({
  name: Type.Optional(Type.String({ description: "As snapshots.pattern says when absent" })),
  stateful: Type.Optional(Type.Boolean()),
  expires_at: ExpiresAt,
});
export type SnapshotsPost = Static<typeof SnapshotsPost>;

export const SnapshotPut = Type.Object({ expires_at: ExpiresAt });
export type SnapshotPut = Static<typeof SnapshotPut>;

export const SnapshotPost = Type.Object({
  name: Type.Optional(Type.String({ description: "The new name; unused when it is given to another server" })),
  migration: Type.Optional(Type.Boolean()),
  live: Type.Optional(Type.Boolean()),
  target: Type.Optional(MigrationTarget),
});

const errors = ["instance_not_found", "snapshot_not_found"] as const;

export const snapshotEndpoints = defineEndpoints({
  listSnapshots: {
    method: "GET", path: "/1.0/instances/:name/snapshots", access: "view", kind: "sync", query: ListQuery,
    response: Type.Union([Type.Array(Type.String()), Type.Array(Snapshot)]), errors: ["instance_not_found"], summary: "List an instance's snapshots",
  },
  createSnapshot: {
    method: "POST", path: "/1.0/instances/:name/snapshots", access: "operate", kind: "operation", query: ProjectQuery, body: SnapshotsPost,
    errors: ["instance_not_found", "snapshot_exists", "invalid_name"], summary: "Take a snapshot of an instance, running or not",
  },
  getSnapshot: {
    method: "GET", path: "/1.0/instances/:name/snapshots/:snapshot", access: "view", kind: "sync", query: ProjectQuery, response: Snapshot,
    etag: ["expires_at"], errors, summary: "Show a snapshot",
  },
  replaceSnapshot: {
    method: "PUT", path: "/1.0/instances/:name/snapshots/:snapshot", access: "edit", kind: "operation", query: ProjectQuery, body: SnapshotPut,
    precondition: "getSnapshot", since: "snapshot_expiry", errors, summary: "Change when a snapshot expires",
  },
  patchSnapshot: {
    method: "PATCH", path: "/1.0/instances/:name/snapshots/:snapshot", access: "edit", kind: "operation", query: ProjectQuery, body: SnapshotPut,
    precondition: "getSnapshot", since: "snapshot_expiry", errors, summary: "Change when a snapshot expires",
  },
  renameSnapshot: {
    method: "POST", path: "/1.0/instances/:name/snapshots/:snapshot", access: "edit", kind: "operation", query: ProjectQuery, body: SnapshotPost,
    errors: [...errors, "snapshot_exists", "invalid_name"], summary: "Rename a snapshot, or give it to another server as an instance",
  },
  deleteSnapshot: {
    method: "DELETE", path: "/1.0/instances/:name/snapshots/:snapshot", access: "edit", kind: "operation", query: ProjectQuery,
    errors, summary: "Delete a snapshot",
  },
});
