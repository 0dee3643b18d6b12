// Storage pools.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { ListQuery, ProjectQuery, StringMap, Timestamp, urlsOr } from "./schemas.ts";

const writable = { config: Type.Optional(StringMap), description: Type.Optional(Type.String()) };
export const StoragePoolPut = Type.Object(writable);
export type StoragePoolPut = Static<typeof StoragePoolPut>;
export const StoragePoolsPost = Type.Object({ ...writable, name: Type.String(), driver: Type.String() });
export type StoragePoolsPost = Static<typeof StoragePoolsPost>;

export const StoragePool = Type.Object({
  name: Type.String(),
  description: Type.String(),
  driver: Type.String(),
  status: Type.String(),
  config: StringMap,
  used_by: Type.Array(Type.String()),
  locations: Type.Array(Type.String()),
});
export type StoragePool = Static<typeof StoragePool>;

export const StorageResources = Type.Object({
  space: Type.Object({ used: Type.Integer({ description: "Bytes" }), total: Type.Integer({ description: "Bytes" }) }),
  inodes: Type.Object({ used: Type.Integer(), total: Type.Integer() }),
});
export type StorageResources = Static<typeof StorageResources>;

/** What of an instance or a snapshot lies in a pool. */
export const StorageVolume = Type.Object({
  name: Type.String({ description: "The instance's, or INSTANCE/SNAPSHOT" }),
  type: Type.String({ description: "container" }),
  content_type: Type.String({ description: "filesystem" }),
  description: Type.String(),
  config: StringMap,
  used_by: Type.Array(Type.String()),
  location: Type.String(),
  project: Type.String(),
  created_at: Timestamp,
});
export type StorageVolume = Static<typeof StorageVolume>;

export const storageEndpoints = defineEndpoints({
  listStoragePools: {
    method: "GET", path: "/1.0/storage-pools", access: "any", kind: "sync", query: ListQuery, response: urlsOr(StoragePool),
    since: "storage", summary: "List storage pools",
  },
  createStoragePool: {
    method: "POST", path: "/1.0/storage-pools", access: "admin", kind: "sync", status: 201, query: ProjectQuery, body: StoragePoolsPost,
    since: "storage", errors: ["pool_exists", "pool_driver_unsupported", "invalid_name", "unknown_config_key"],
    summary: "Create a storage pool",
  },
  getStoragePool: {
    method: "GET", path: "/1.0/storage-pools/:name", access: "any", kind: "sync", query: ProjectQuery, response: StoragePool,
    since: "storage", etag: ["name", "driver", "config", "description"], errors: ["pool_not_found"], summary: "Show a storage pool",
  },
  replaceStoragePool: {
    method: "PUT", path: "/1.0/storage-pools/:name", access: "admin", kind: "sync", query: ProjectQuery, body: StoragePoolPut,
    since: "storage", precondition: "getStoragePool", errors: ["pool_not_found", "unknown_config_key"], summary: "Replace a pool's configuration",
  },
  patchStoragePool: {
    method: "PATCH", path: "/1.0/storage-pools/:name", access: "admin", kind: "sync", query: ProjectQuery, body: StoragePoolPut,
    since: "storage", precondition: "getStoragePool", errors: ["pool_not_found", "unknown_config_key"], summary: "Change some of a pool's configuration",
  },
  deleteStoragePool: {
    method: "DELETE", path: "/1.0/storage-pools/:name", access: "admin", kind: "sync", query: ProjectQuery,
    since: "storage", errors: ["pool_not_found", "pool_in_use"], summary: "Delete a storage pool",
  },
  getStoragePoolResources: {
    method: "GET", path: "/1.0/storage-pools/:name/resources", access: "any", kind: "sync", query: ProjectQuery, response: StorageResources,
    since: "resources", errors: ["pool_not_found"], summary: "Show the space a pool has",
  },
  listStorageVolumes: {
    method: "GET", path: "/1.0/storage-pools/:name/volumes", access: "view", kind: "sync", allProjects: true, query: ListQuery, response: urlsOr(StorageVolume),
    since: "storage", errors: ["pool_not_found"], summary: "List the volumes in a pool: those of instances and snapshots",
  },
  listStorageVolumesOfType: {
    method: "GET", path: "/1.0/storage-pools/:name/volumes/:type", access: "view", kind: "sync", allProjects: true, query: ListQuery, response: urlsOr(StorageVolume),
    since: "storage", errors: ["pool_not_found", "volume_type_unknown"], summary: "List the volumes of a type in a pool",
  },
  getStorageVolume: {
    method: "GET", path: "/1.0/storage-pools/:name/volumes/:type/:volume", access: "view", kind: "sync", query: ProjectQuery, response: StorageVolume,
    since: "storage", errors: ["pool_not_found", "volume_type_unknown", "volume_not_found"], summary: "Show a volume",
  },
});
