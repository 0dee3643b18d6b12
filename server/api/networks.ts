// Networks: the bridges Berth manages, and the host's interfaces beside them.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { ListQuery, ProjectQuery, RenameBody, StringMap, urlsOr } from "./schemas.ts";

const writable = { config: Type.Optional(StringMap), description: Type.Optional(Type.String()) };
export const NetworkPut = Type.Object(writable);
export type NetworkPut = Static<typeof NetworkPut>;
export const NetworksPost = Type.Object({ ...writable, name: Type.String(), type: Type.Optional(Type.String()) });
export type NetworksPost = Static<typeof NetworksPost>;

export const Network = Type.Object({
  name: Type.String(),
  description: Type.String(),
  type: Type.String({ description: "bridge, physical, loopback or unknown" }),
  managed: Type.Boolean(),
  status: Type.String({ description: "Created, Errored or Unavailable; empty when not managed" }),
  config: StringMap,
  used_by: Type.Array(Type.String()),
  locations: Type.Array(Type.String()),
});
export type Network = Static<typeof Network>;

export const NetworkLease = Type.Object({
  hostname: Type.String(),
  hwaddr: Type.String(),
  address: Type.String(),
  type: Type.String({ description: "gateway, static or dynamic" }),
  location: Type.String(),
});
export type NetworkLease = Static<typeof NetworkLease>;

export const NetworkState = Type.Object({
  addresses: Type.Array(Type.Object({ family: Type.String(), address: Type.String(), netmask: Type.String(), scope: Type.String() })),
  counters: Type.Object({
    bytes_received: Type.Integer(), bytes_sent: Type.Integer(), packets_received: Type.Integer(), packets_sent: Type.Integer(),
  }),
  hwaddr: Type.String(),
  mtu: Type.Integer(),
  state: Type.String(),
  type: Type.String(),
  bond: Type.Union([Type.Null(), Type.Any()]),
  bridge: Type.Union([
    Type.Null(),
    Type.Object({
      id: Type.String(), stp: Type.Boolean(), forward_delay: Type.Integer(), vlan_default: Type.Integer(),
      vlan_filtering: Type.Boolean(), upper_devices: Type.Array(Type.String()),
    }),
  ]),
  vlan: Type.Union([Type.Null(), Type.Any()]),
  ovn: Type.Union([Type.Null(), Type.Any()]),
});
export type NetworkState = Static<typeof NetworkState>;

export const networkEndpoints = defineEndpoints({
  listNetworks: {
    method: "GET", path: "/1.0/networks", access: "view", kind: "sync", query: ListQuery, response: urlsOr(Network), summary: "List networks",
  },
  createNetwork: {
    method: "POST", path: "/1.0/networks", access: "edit", kind: "sync", status: 201, query: ProjectQuery, body: NetworksPost,
    errors: ["network_exists", "invalid_name", "unknown_config_key", "subnet_taken", "network_start_failed"],
    summary: "Create a managed bridge and bring it up",
  },
  getNetwork: {
    method: "GET", path: "/1.0/networks/:name", access: "view", kind: "sync", query: ProjectQuery, response: Network,
    etag: ["name", "managed", "type", "description", "config"], errors: ["network_not_found"], summary: "Show a network",
  },
  replaceNetwork: {
    method: "PUT", path: "/1.0/networks/:name", access: "edit", kind: "sync", query: ProjectQuery, body: NetworkPut, precondition: "getNetwork",
    errors: ["network_not_found", "not_managed", "unknown_config_key"], summary: "Replace a network's configuration",
  },
  patchNetwork: {
    method: "PATCH", path: "/1.0/networks/:name", access: "edit", kind: "sync", query: ProjectQuery, body: NetworkPut, precondition: "getNetwork",
    errors: ["network_not_found", "not_managed", "unknown_config_key"], summary: "Change some of a network's configuration",
  },
  renameNetwork: {
    method: "POST", path: "/1.0/networks/:name", access: "edit", kind: "sync", status: 201, query: ProjectQuery, body: RenameBody,
    errors: ["network_not_found", "network_exists", "network_in_use"], summary: "Rename a network",
  },
  deleteNetwork: {
    method: "DELETE", path: "/1.0/networks/:name", access: "edit", kind: "sync", query: ProjectQuery,
    errors: ["network_not_found", "network_in_use", "not_managed"], summary: "Delete a network",
  },
  getNetworkState: {
    method: "GET", path: "/1.0/networks/:name/state", access: "view", kind: "sync", query: ProjectQuery, response: NetworkState,
    since: "network_state", errors: ["network_not_found"], summary: "Show the running state of a network",
  },
  listNetworkLeases: {
    method: "GET", path: "/1.0/networks/:name/leases", access: "view", kind: "sync", query: ProjectQuery, response: Type.Array(NetworkLease),
    since: "network_leases", errors: ["network_not_found", "not_managed"], summary: "List the DHCP leases of a network",
  },
});
