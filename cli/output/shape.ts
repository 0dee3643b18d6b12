// The order of members that Go's structs give lxc's JSON and YAML, so that ours reads the same
// whatever order a server answers in. Members nobody knows of come last.
import { Plain, Struct } from "./yaml.ts";

export type Shape = "value" | "time" | "list" | "map" | { readonly struct: Readonly<Record<string, Shape>> } | { readonly listOf: Shape } | { readonly mapOf: Shape };

const writableInstance = {
  architecture: "value", config: "map", devices: "map", ephemeral: "value", profiles: "list", restore: "value", stateful: "value", description: "value",
} as const;
export const instancePutShape = { struct: writableInstance } as const satisfies Shape;

const instanceMembers = {
  ...writableInstance, created_at: "time", expanded_config: "map", expanded_devices: "map", name: "value", status: "value",
  status_code: "value", last_used_at: "time", location: "value", type: "value", project: "value",
} as const;
export const instanceShape = { struct: instanceMembers } as const satisfies Shape;

export const snapshotShape = {
  struct: {
    expires_at: "time", architecture: "value", config: "map", created_at: "time", devices: "map", ephemeral: "value", expanded_config: "map",
    expanded_devices: "map", last_used_at: "time", name: "value", profiles: "list", stateful: "value", size: "value",
  },
} as const satisfies Shape;

const addresses = { listOf: { struct: { family: "value", address: "value", netmask: "value", scope: "value" } } } as const;
const counters = {
  struct: {
    bytes_received: "value", bytes_sent: "value", packets_received: "value", packets_sent: "value", errors_received: "value",
    errors_sent: "value", packets_dropped_outbound: "value", packets_dropped_inbound: "value",
  },
} as const;
const stateShape = {
  struct: {
    status: "value", status_code: "value", disk: { mapOf: { struct: { usage: "value" } } },
    memory: { struct: { usage: "value", usage_peak: "value", swap_usage: "value", swap_usage_peak: "value" } },
    network: {
      mapOf: { struct: { addresses, counters, hwaddr: "value", host_name: "value", mtu: "value", state: "value", type: "value" } },
    },
    pid: "value", processes: "value", cpu: { struct: { usage: "value" } },
  },
} as const;
export const instanceFullShape = {
  struct: { ...instanceMembers, backups: "list", state: stateShape, snapshots: { listOf: snapshotShape } },
} as const satisfies Shape;

const writableImage = { auto_update: "value", properties: "map", public: "value", expires_at: "time", profiles: "list" } as const;
export const imagePutShape = { struct: writableImage } as const satisfies Shape;
const aliasEntry = { struct: { name: "value", description: "value" } } as const;
export const imageShape = {
  struct: {
    ...writableImage, aliases: { listOf: aliasEntry }, architecture: "value", cached: "value", filename: "value", fingerprint: "value",
    size: "value", update_source: "map", type: "value", created_at: "time", last_used_at: "time", uploaded_at: "time",
  },
} as const satisfies Shape;
export const aliasShape = { struct: { description: "value", target: "value", name: "value", type: "value" } } as const satisfies Shape;

export const networkPutShape = { struct: { config: "map", description: "value" } } as const satisfies Shape;
export const networkShape = {
  struct: {
    config: "map", description: "value", name: "value", type: "value", used_by: "list", managed: "value", status: "value", locations: "list",
  },
} as const satisfies Shape;
export const leaseShape = {
  struct: { hostname: "value", hwaddr: "value", address: "value", type: "value", location: "value" },
} as const satisfies Shape;

export const profileShape = {
  struct: { config: "map", description: "value", devices: "map", name: "value", used_by: "list" },
} as const satisfies Shape;

export const projectShape = { struct: { config: "map", description: "value", name: "value", used_by: "list" } } as const satisfies Shape;
export const projectStateShape = { struct: { resources: { mapOf: { struct: { Limit: "value", Usage: "value" } } } } } as const satisfies Shape;

export const poolShape = {
  struct: { config: "map", description: "value", name: "value", driver: "value", used_by: "list", status: "value", locations: "list" },
} as const satisfies Shape;
const usage = { struct: { used: "value", total: "value" } } as const;
export const poolResourcesShape = { struct: { space: usage, inodes: usage } } as const satisfies Shape;

export const certificateShape = {
  struct: { name: "value", type: "value", restricted: "value", projects: "list", certificate: "value", fingerprint: "value", role: "value" },
} as const satisfies Shape;

const identityMembers = {
  authentication_method: "value", type: "value", id: "value", name: "value", groups: "list", tls_certificate: "value", expires_at: "time", restricted: "value", projects: "list", role: "value",
} as const;
export const identityShape = { struct: identityMembers } as const satisfies Shape;
export const currentIdentityShape = {
  struct: { ...identityMembers, effective_groups: "list", effective_permissions: "list", fine_grained: "value" },
} as const satisfies Shape;

export const operationShape = {
  struct: {
    id: "value", class: "value", description: "value", created_at: "time", updated_at: "time", status: "value", status_code: "value",
    resources: "map", metadata: "map", may_cancel: "value", err: "value", location: "value",
  },
} as const satisfies Shape;

export const warningShape = {
  struct: {
    status: "value", uuid: "value", location: "value", project: "value", type: "value", count: "value", first_seen_at: "time", last_seen_at: "time",
    last_message: "value", severity: "value", entity_url: "value",
  },
} as const satisfies Shape;

export const serverShape = {
  struct: {
    config: "map", api_extensions: "list", api_status: "value", api_version: "value", auth: "value", public: "value", auth_methods: "list",
    environment: {
      struct: {
        addresses: "list", architectures: "list", certificate: "value", certificate_fingerprint: "value", driver: "value",
        driver_version: "value", firewall: "value", kernel: "value", kernel_architecture: "value", kernel_features: "map",
        kernel_version: "value", lxc_features: "map", os_name: "value", os_version: "value", project: "value", server: "value",
        server_clustered: "value", server_event_mode: "value", server_name: "value", server_pid: "value", server_version: "value",
        storage: "value", storage_version: "value",
        storage_supported_drivers: { listOf: { struct: { Name: "value", Version: "value", Remote: "value" } } },
      },
    },
  },
} as const satisfies Shape;

export const preseedShape = {
  struct: {
    config: "map",
    networks: { listOf: { struct: { config: "map", description: "value", name: "value", type: "value", project: "value" } } },
    storage_pools: { listOf: { struct: { config: "map", description: "value", name: "value", driver: "value" } } },
    profiles: { listOf: { struct: { config: "map", description: "value", devices: "map", name: "value" } } },
    projects: { listOf: { struct: { config: "map", description: "value", name: "value" } } },
  },
} as const satisfies Shape;

type Fields = Record<string, unknown>;

function members(value: object, shape: Readonly<Record<string, Shape>>): [string, unknown, Shape][] {
  const fields = value as Fields;
  const known = Object.keys(shape).filter((key) => fields[key] !== undefined);
  const rest = Object.keys(fields).filter((key) => !Object.hasOwn(shape, key));
  return [...known, ...rest].map((key) => [key, fields[key], shape[key] ?? "value"]);
}

const sorted = (value: object) => Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));

/** The value with its members in Go's order, for JSON. */
export function forJson(value: unknown, shape: Shape): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (typeof shape === "object" && "listOf" in shape) return Array.isArray(value) ? value.map((item) => forJson(item, shape.listOf)) : value;
  if (Array.isArray(value)) return value;
  if (shape === "map") return Object.fromEntries(sorted(value).map(([key, item]) => [key, forJson(item, "map")]));
  if (typeof shape !== "object") return value;
  if ("mapOf" in shape) return Object.fromEntries(sorted(value).map(([key, item]) => [key, forJson(item, shape.mapOf)]));
  return Object.fromEntries(members(value, shape.struct).map(([key, item, inner]) => [key, forJson(item, inner)]));
}

/** The value for `renderYaml`: structs in order, times bare, and lists and maps that are null empty. */
export function forYaml(value: unknown, shape: Shape): unknown {
  if (shape === "time") return new Plain(String(value));
  if (value === null || value === undefined) {
    if (shape === "list" || (typeof shape === "object" && "listOf" in shape)) return [];
    return shape === "map" || (typeof shape === "object" && "mapOf" in shape) ? {} : null;
  }
  if (typeof value !== "object" || typeof shape !== "object") return value;
  if ("listOf" in shape) return Array.isArray(value) ? value.map((item) => forYaml(item, shape.listOf)) : value;
  if ("mapOf" in shape) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, forYaml(item, shape.mapOf)]));
  return new Struct(members(value, shape.struct).map(([key, item, inner]) => [key, forYaml(item, inner)]));
}
