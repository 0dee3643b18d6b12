// The server itself.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { Resources } from "./resources.ts";
import { ProjectQuery, StringMap } from "./schemas.ts";

/** The version of LXD whose API and clients berthd is compatible with. */
export const compatibleVersion = "5.0.2";

export const Environment = Type.Object({
  addresses: Type.Array(Type.String()),
  architectures: Type.Array(Type.String()),
  certificate: Type.String({ description: "PEM" }),
  certificate_fingerprint: Type.String(),
  driver: Type.String(),
  driver_version: Type.String(),
  firewall: Type.String(),
  kernel: Type.String(),
  kernel_architecture: Type.String(),
  kernel_features: StringMap,
  kernel_version: Type.String(),
  lxc_features: StringMap,
  os_name: Type.String(),
  os_version: Type.String(),
  project: Type.String(),
  server: Type.String({ description: "Always \"lxd\": clients decide by it" }),
  server_clustered: Type.Boolean(),
  server_event_mode: Type.String(),
  server_name: Type.String(),
  server_pid: Type.Integer(),
  server_version: Type.String({ description: "The version of LXD it is compatible with" }),
  storage: Type.String(),
  storage_version: Type.String(),
  storage_supported_drivers: Type.Array(Type.Object({ Name: Type.String(), Version: Type.String(), Remote: Type.Boolean() })),
  berth_version: Type.String(),
});

export const Server = Type.Object({
  config: Type.Optional(Type.Record(Type.String(), Type.Any())),
  api_extensions: Type.Array(Type.String()),
  api_status: Type.String(),
  api_version: Type.String(),
  auth: Type.String(),
  public: Type.Boolean(),
  auth_methods: Type.Array(Type.String()),
  auth_user_name: Type.Optional(Type.String({ description: "Who asks: a user of the machine, the fingerprint of a certificate, or the name of a bearer identity" })),
  auth_user_method: Type.Optional(Type.String({ description: "unix, tls or bearer" })),
  environment: Type.Optional(Environment),
});
export type Server = Static<typeof Server>;

export const ServerPut = Type.Object({ config: Type.Optional(Type.Record(Type.String(), Type.Any())) });


export const serverEndpoints = defineEndpoints({
  listVersions: {
    method: "GET", path: "/", access: "any", kind: "sync", untrusted: true, duringShutdown: true, response: Type.Array(Type.String()),
    summary: "List the versions of the API",
  },
  getServer: {
    method: "GET", path: "/1.0", access: "any", kind: "sync", untrusted: true, duringShutdown: true, query: ProjectQuery, response: Server, etag: ["config"],
    summary: "Show the server: its extensions, configuration and environment",
  },
  replaceServerConfig: {
    method: "PUT", path: "/1.0", access: "admin", kind: "sync", body: ServerPut, precondition: "getServer",
    errors: ["unknown_config_key", "invalid_config_value"], summary: "Replace the server's configuration",
  },
  patchServerConfig: {
    method: "PATCH", path: "/1.0", access: "admin", kind: "sync", body: ServerPut, precondition: "getServer",
    errors: ["unknown_config_key", "invalid_config_value"], summary: "Change some of the server's configuration",
  },
  shutDown: {
    method: "PUT", path: "/internal/shutdown", access: "admin", kind: "sync", duringShutdown: true,
    query: Type.Object({ force: Type.Optional(Type.String({ description: "`true`: do not wait for running operations" })) }),
    summary: "Stop all instances in the order of boot.stop.priority, answer, and end the daemon; they start again with the next one",
  },
  getResources: {
    method: "GET", path: "/1.0/resources", access: "any", kind: "sync", response: Resources, since: "resources",
    summary: "Show what the machine has",
  },
});
