// Instances: full-OS containers.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { InstanceBackup } from "./backups.ts";
import { Snapshot } from "./snapshots.ts";
import { Devices, ListQuery, MigrationTarget, ProjectQuery, StringMap, Timestamp } from "./schemas.ts";

const writable = {
  architecture: Type.Optional(Type.String()),
  config: Type.Optional(StringMap),
  devices: Type.Optional(Devices),
  ephemeral: Type.Optional(Type.Boolean()),
  profiles: Type.Optional(Type.Array(Type.String())),
  stateful: Type.Optional(Type.Boolean()),
  description: Type.Optional(Type.String()),
};
export const InstancePut = Type.Object({ ...writable, restore: Type.Optional(Type.String()) });
export type InstancePut = Static<typeof InstancePut>;

export const InstanceSource = Type.Object({
  type: Type.String({ description: "image, none, copy or migration" }),
  operation: Type.Optional(Type.String({ description: "migration: URL of the source's operation (pull)" })),
  secrets: Type.Optional(Type.Record(Type.String(), Type.String(), { description: "migration: of that operation's websockets (pull)" })),
  "base-image": Type.Optional(Type.String({ description: "migration: fingerprint of the image it was made from" })),
  live: Type.Optional(Type.Boolean()),
  alias: Type.Optional(Type.String()),
  fingerprint: Type.Optional(Type.String({ description: "Whole, or a prefix that is unique" })),
  properties: Type.Optional(StringMap),
  server: Type.Optional(Type.String()),
  protocol: Type.Optional(Type.String()),
  certificate: Type.Optional(Type.String()),
  secret: Type.Optional(Type.String()),
  mode: Type.Optional(Type.String({ description: "migration: pull or push" })),
  source: Type.Optional(Type.String({ description: "copy: an instance, or INSTANCE/SNAPSHOT" })),
  project: Type.Optional(Type.String({ description: "copy: of the source" })),
  instance_only: Type.Optional(Type.Boolean({ description: "copy: without its snapshots" })),
  container_only: Type.Optional(Type.Boolean({ description: "Older name of instance_only" })),
  refresh: Type.Optional(Type.Boolean({ description: "copy: bring an instance that is there up to date" })),
});
export type InstanceSource = Static<typeof InstanceSource>;

export const InstancesPost = Type.Object({
  ...writable,
  name: Type.Optional(Type.String({ description: "Made up when absent" })),
  source: Type.Optional(InstanceSource),
  instance_type: Type.Optional(Type.String({ description: "Processors and GiB of memory, such as c2-m4; limits in `config` go before" })),
  type: Type.Optional(Type.String()),
});
export type InstancesPost = Static<typeof InstancesPost>;

/** A rename, a move to another pool (`migration` and `pool`), or one to another server (`migration` alone). */
export const InstancePost = Type.Object({
  name: Type.Optional(Type.String({ description: "The new name; absent: as it was" })),
  migration: Type.Optional(Type.Boolean()),
  live: Type.Optional(Type.Boolean()),
  instance_only: Type.Optional(Type.Boolean({ description: "Leave the snapshots behind: they are deleted" })),
  container_only: Type.Optional(Type.Boolean()),
  pool: Type.Optional(Type.String()),
  project: Type.Optional(Type.String()),
  target: Type.Optional(MigrationTarget),
  allow_inconsistent: Type.Optional(Type.Boolean({ description: "Pass over files that vanish while they are read" })),
});
export type InstancePost = Static<typeof InstancePost>;

export const InstanceRebuildPost = Type.Object({ source: InstanceSource });
export type InstanceRebuildPost = Static<typeof InstanceRebuildPost>;

export const Instance = Type.Object({
  architecture: Type.String(),
  config: StringMap,
  devices: Devices,
  ephemeral: Type.Boolean(),
  profiles: Type.Array(Type.String()),
  stateful: Type.Boolean(),
  description: Type.String(),
  created_at: Timestamp,
  expanded_config: StringMap,
  expanded_devices: Devices,
  name: Type.String(),
  status: Type.String(),
  status_code: Type.Integer(),
  last_used_at: Timestamp,
  location: Type.String(),
  type: Type.String(),
  project: Type.String(),
});
export type Instance = Static<typeof Instance>;

export const NetworkAddress = Type.Object({
  family: Type.Union([Type.Literal("inet"), Type.Literal("inet6")]),
  address: Type.String(),
  netmask: Type.String({ description: "Prefix length" }),
  scope: Type.Union([Type.Literal("global"), Type.Literal("link"), Type.Literal("local")]),
});

export const InstanceNetwork = Type.Object({
  addresses: Type.Array(NetworkAddress),
  counters: Type.Object({
    bytes_received: Type.Integer(),
    bytes_sent: Type.Integer(),
    packets_received: Type.Integer(),
    packets_sent: Type.Integer(),
    errors_received: Type.Integer(),
    errors_sent: Type.Integer(),
    packets_dropped_outbound: Type.Integer(),
    packets_dropped_inbound: Type.Integer(),
  }),
  hwaddr: Type.String(),
  host_name: Type.String({ description: "Name of the host's end of a veth pair" }),
  mtu: Type.Integer(),
  state: Type.String({ description: "up or down" }),
  type: Type.String({ description: "broadcast, loopback or point-to-point" }),
});
export type InstanceNetwork = Static<typeof InstanceNetwork>;

export const InstanceState = Type.Object({
  status: Type.String(),
  status_code: Type.Integer(),
  disk: Type.Record(Type.String(), Type.Object({ usage: Type.Integer({ description: "Bytes" }) })),
  memory: Type.Object({
    usage: Type.Integer({ description: "Bytes" }),
    usage_peak: Type.Integer({ description: "Bytes" }),
    swap_usage: Type.Integer({ description: "Bytes" }),
    swap_usage_peak: Type.Integer({ description: "Bytes" }),
  }),
  network: Type.Record(Type.String(), InstanceNetwork),
  pid: Type.Integer({ description: "Of the instance's init, on the host; 0 when stopped" }),
  processes: Type.Integer({ description: "-1 when unknown" }),
  cpu: Type.Object({ usage: Type.Integer({ description: "Nanoseconds" }) }),
});
export type InstanceState = Static<typeof InstanceState>;

/** An instance with all that recursion=2 adds. */
export const InstanceFull = Type.Object({
  ...Instance.properties,
  backups: Type.Union([Type.Array(InstanceBackup), Type.Null()]),
  state: InstanceState,
  snapshots: Type.Union([Type.Array(Snapshot), Type.Null()]),
});
export type InstanceFull = Static<typeof InstanceFull>;

export const stateActions = ["start", "stop", "restart", "freeze", "unfreeze"] as const;
export type StateAction = (typeof stateActions)[number];

export const InstanceStatePut = Type.Object({
  action: Type.String({ description: "start, stop, restart, freeze or unfreeze" }),
  timeout: Type.Optional(Type.Integer({ description: "Seconds for a clean stop; -1 waits for ever, 0 forces" })),
  force: Type.Optional(Type.Boolean()),
  stateful: Type.Optional(Type.Boolean()),
});
export type InstanceStatePut = Static<typeof InstanceStatePut>;

export const InstanceExecPost = Type.Object({
  command: Type.Array(Type.String()),
  "wait-for-websocket": Type.Optional(Type.Boolean()),
  interactive: Type.Optional(Type.Boolean({ description: "One pty instead of three pipes" })),
  environment: Type.Optional(StringMap),
  width: Type.Optional(Type.Integer()),
  height: Type.Optional(Type.Integer()),
  "record-output": Type.Optional(Type.Boolean()),
  user: Type.Optional(Type.Integer({ minimum: 0, maximum: 4294967294 })),
  group: Type.Optional(Type.Integer({ minimum: 0, maximum: 4294967294 })),
  cwd: Type.Optional(Type.String()),
});
export type InstanceExecPost = Static<typeof InstanceExecPost>;

export const InstanceConsolePost = Type.Object({
  width: Type.Optional(Type.Integer()),
  height: Type.Optional(Type.Integer()),
  type: Type.Optional(Type.String({ description: "console" })),
  force: Type.Optional(Type.Boolean({ description: "Ends the session of whoever is attached" })),
});
export type InstanceConsolePost = Static<typeof InstanceConsolePost>;

/** A message on the control websocket of an exec, or of a console (window-resize only). */
export const ExecControl = Type.Object({
  command: Type.String({ description: "window-resize or signal" }),
  args: Type.Optional(StringMap),
  signal: Type.Optional(Type.Integer()),
});
export type ExecControl = Static<typeof ExecControl>;

export const FileQuery = Type.Object({
  ...ProjectQuery.properties,
  path: Type.Optional(Type.String({ description: "Inside the instance; it must be given" })),
});

export const InstancesListQuery = Type.Object({
  ...ListQuery.properties,
  "instance-type": Type.Optional(Type.String()),
});

export const instanceEndpoints = defineEndpoints({
  listInstances: {
    method: "GET", path: "/1.0/instances", access: "view", kind: "sync", allProjects: true, query: InstancesListQuery,
    response: Type.Union([Type.Array(Type.String()), Type.Array(Instance), Type.Array(InstanceFull)]),
    errors: ["invalid_filter", "project_not_found"], summary: "List instances",
  },
  createInstance: {
    method: "POST", path: "/1.0/instances", access: "edit", kind: "operation", query: ProjectQuery, body: InstancesPost,
    upload: "A backup to make it of; X-LXD-name and X-LXD-pool stand for another name and pool",
    errors: ["instance_exists", "invalid_name", "image_not_found", "no_root_device", "requested_profile_not_found", "backup_broken", "disk_full"],
    summary: "Create an instance",
  },
  changeInstancesState: {
    method: "PUT", path: "/1.0/instances", access: "operate", kind: "operation", query: ProjectQuery, since: "instance_bulk_state_change",
    body: Type.Object({ state: InstanceStatePut }), errors: ["unknown_action"], summary: "Change the state of all instances",
  },
  getInstance: {
    method: "GET", path: "/1.0/instances/:name", access: "view", kind: "sync",
    query: Type.Object({ ...ProjectQuery.properties, recursion: Type.Optional(Type.String()) }),
    response: Type.Union([Instance, InstanceFull]),
    etag: ["architecture", "config", "devices", "ephemeral", "profiles"],
    errors: ["instance_not_found"], summary: "Show an instance",
  },
  replaceInstance: {
    method: "PUT", path: "/1.0/instances/:name", access: "edit", kind: "operation", query: ProjectQuery, body: InstancePut, precondition: "getInstance",
    errors: ["instance_not_found", "unknown_config_key", "invalid_device"], summary: "Replace an instance's configuration",
  },
  patchInstance: {
    method: "PATCH", path: "/1.0/instances/:name", access: "edit", kind: "sync", query: ProjectQuery, body: InstancePut, precondition: "getInstance",
    errors: ["instance_not_found", "unknown_config_key", "invalid_device"], summary: "Change a part of an instance's configuration",
  },
  renameInstance: {
    method: "POST", path: "/1.0/instances/:name", access: "edit", kind: "operation", query: ProjectQuery, body: InstancePost,
    errors: ["instance_not_found", "instance_running", "instance_exists", "pool_not_found"], summary: "Rename an instance, move it to another pool, or give it to another server",
  },
  rebuildInstance: {
    method: "POST", path: "/1.0/instances/:name/rebuild", access: "edit", kind: "operation", query: ProjectQuery, body: InstanceRebuildPost, since: "instances_rebuild",
    errors: ["instance_not_found", "rebuild_running", "image_not_found"], summary: "Begin anew with an image, or empty, and the same configuration",
  },
  deleteInstance: {
    method: "DELETE", path: "/1.0/instances/:name", access: "edit", kind: "operation", query: ProjectQuery,
    errors: ["instance_not_found", "instance_running", "instance_protected"], summary: "Delete an instance",
  },
  getInstanceState: {
    method: "GET", path: "/1.0/instances/:name/state", access: "view", kind: "sync", query: ProjectQuery, response: InstanceState,
    errors: ["instance_not_found"], summary: "Show the running state of an instance",
  },
  changeInstanceState: {
    method: "PUT", path: "/1.0/instances/:name/state", access: "operate", kind: "operation", query: ProjectQuery, body: InstanceStatePut,
    errors: ["instance_not_found", "instance_busy", "start_failed", "stop_timeout", "unknown_action"],
    summary: "Start, stop, restart, freeze or unfreeze an instance",
  },
  execInstance: {
    method: "POST", path: "/1.0/instances/:name/exec", access: "operate", kind: "operation", query: ProjectQuery, body: InstanceExecPost,
    response: Type.Object({ return: Type.Integer() }, { additionalProperties: true }),
    errors: ["instance_not_found", "instance_not_running", "instance_frozen", "exec_not_found", "exec_not_executable"],
    summary: "Run a command in an instance",
  },
  attachConsole: {
    method: "POST", path: "/1.0/instances/:name/console", access: "operate", kind: "operation", query: ProjectQuery, body: InstanceConsolePost, since: "console",
    errors: ["instance_not_found", "instance_not_running", "instance_frozen", "console_busy"], summary: "Attach to an instance's console",
  },
  getConsoleLog: {
    method: "GET", path: "/1.0/instances/:name/console", access: "operate", kind: "raw", query: ProjectQuery, since: "console",
    errors: ["instance_not_found", "log_not_found"], summary: "Read what was last written to an instance's console",
  },
  clearConsoleLog: {
    method: "DELETE", path: "/1.0/instances/:name/console", access: "operate", kind: "sync", query: ProjectQuery, since: "console",
    errors: ["instance_not_found"], summary: "Forget what was written to an instance's console",
  },
  getInstanceFile: {
    method: "GET", path: "/1.0/instances/:name/files", access: "operate", kind: "raw", query: FileQuery,
    errors: ["instance_not_found", "file_path_missing", "file_not_found", "file_special", "file_refused"],
    summary: "Read a file, the target of a symbolic link, or (in an envelope) the names in a directory; X-LXD-* headers tell owner, mode and type",
  },
  getInstanceFileHead: {
    method: "HEAD", path: "/1.0/instances/:name/files", access: "operate", kind: "raw", query: FileQuery, since: "instance_file_head",
    errors: ["instance_not_found", "file_path_missing", "file_not_found", "file_special", "file_refused"],
    summary: "Show owner, mode and type of a file as X-LXD-* headers",
  },
  writeInstanceFile: {
    method: "POST", path: "/1.0/instances/:name/files", access: "operate", kind: "sync", query: FileQuery, body: "stream",
    errors: [
      "instance_not_found", "file_path_missing", "file_not_found", "file_special", "file_refused", "file_bad_type", "file_bad_write_mode", "disk_full",
    ],
    summary: "Write a file, symbolic link or directory; X-LXD-type, -write, -uid, -gid and -mode say how",
  },
  deleteInstanceFile: {
    method: "DELETE", path: "/1.0/instances/:name/files", access: "operate", kind: "sync", query: FileQuery, since: "file_delete",
    errors: ["instance_not_found", "file_path_missing", "file_not_found", "file_refused"],
    summary: "Delete a file or an empty directory",
  },
  openInstanceSftp: {
    method: "GET", path: "/1.0/instances/:name/sftp", access: "operate", kind: "stream", query: ProjectQuery,
    errors: ["instance_not_found", "upgrade_missing"], summary: "Speak SFTP (version 3) about an instance's files, after an upgrade to sftp",
  },
  listInstanceLogs: {
    method: "GET", path: "/1.0/instances/:name/logs", access: "view", kind: "sync", query: ProjectQuery, response: Type.Array(Type.String()),
    errors: ["instance_not_found"], summary: "List the log files of an instance",
  },
  getInstanceLog: {
    method: "GET", path: "/1.0/instances/:name/logs/:file", access: "view", kind: "raw", query: ProjectQuery,
    errors: ["instance_not_found", "invalid_log_name", "log_not_found"], summary: "Read a log file",
  },
  deleteInstanceLog: {
    method: "DELETE", path: "/1.0/instances/:name/logs/:file", access: "operate", kind: "sync", query: ProjectQuery,
    errors: ["instance_not_found", "invalid_log_name", "log_not_found"], summary: "Delete a log file",
  },
});
