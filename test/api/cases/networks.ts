// Cases of the endpoints of networks.
import assert from "node:assert/strict";
import type { networkEndpoints } from "../../../server/api/networks.ts";
import type { Case, World } from "./case.ts";

const missing = { status: 404, error: "Network not found" };
const quiet = { "ipv4.address": "none", "ipv6.address": "none" };
const network = (name: string) => ({ daemon }: World) => daemon.must("POST", "/1.0/networks", { name, config: quiet });
const remove = ({ daemon }: World, name: string) => daemon.must("DELETE", `/1.0/networks/${name}`);
const configOf = async ({ daemon }: World, name: string) => (await daemon.must("GET", `/1.0/networks/${name}`)).config;

export const networkCases = {
  listNetworks: {
    good: { path: "/1.0/networks" },
    check: (list) => assert.ok(list.includes("/1.0/networks/berthbr0") && list.includes("/1.0/networks/lo"), list),
    bad: { path: "/1.0/networks?project=nope", status: 404, error: "Project not found" },
  },
  createNetwork: {
    good: { path: "/1.0/networks", body: { name: "made0", type: "bridge", config: quiet } },
    location: "/1.0/networks/made0",
    check: (_, world) => remove(world, "made0"),
    bad: { path: "/1.0/networks", body: { name: "berthbr0" }, status: 409, error: "The network already exists" },
  },
  getNetwork: {
    good: { path: "/1.0/networks/berthbr0" },
    check: (shown) => {
      assert.deepEqual(Object.keys(shown).sort(), ["config", "description", "locations", "managed", "name", "status", "type", "used_by"]);
      assert.deepEqual([shown.managed, shown.status, shown.type, shown.locations], [true, "Created", "bridge", ["none"]]);
      assert.match(shown.config["ipv4.address"], /^10\.\d+\.\d+\.1\/24$/);
      assert.ok(shown.used_by.includes("/1.0/profiles/default"), shown.used_by);
    },
    bad: { path: "/1.0/networks/nope", ...missing },
  },
  replaceNetwork: {
    prepare: network("put0"),
    good: { path: "/1.0/networks/put0", body: { config: { ...quiet, "user.a": "1" }, description: "d" } },
    check: async (_, world) => {
      assert.equal((await configOf(world, "put0"))["user.a"], "1");
      await remove(world, "put0");
    },
    bad: { path: "/1.0/networks/lo", body: {}, status: 400, error: 'Network "lo" is not managed by Berth' },
  },
  patchNetwork: {
    prepare: network("patch0"),
    good: { path: "/1.0/networks/patch0", body: { config: { "user.a": "1" } } },
    check: async (_, world) => {
      const { "user.a": own, "ipv4.address": address } = await configOf(world, "patch0");
      assert.deepEqual([own, address], ["1", "none"]);
      await remove(world, "patch0");
    },
    bad: { path: "/1.0/networks/berthbr0", body: { config: { "ipv4.adress": "none" } }, status: 400, error: 'Unknown configuration key: ipv4.adress (did you mean "ipv4.address"?)' },
  },
  renameNetwork: {
    prepare: network("old0"),
    good: { path: "/1.0/networks/old0", body: { name: "new0" } },
    location: "/1.0/networks/new0",
    check: (_, world) => remove(world, "new0"),
    bad: { path: "/1.0/networks/berthbr0", body: { name: "new1" }, status: 400, error: "The network is currently in use" },
  },
  deleteNetwork: {
    prepare: network("gone0"),
    good: { path: "/1.0/networks/gone0" },
    check: async (_, { daemon }) => assert.equal((await daemon.request("GET", "/1.0/networks/gone0")).status, 404),
    bad: { path: "/1.0/networks/nope", ...missing },
  },
  getNetworkState: {
    good: { path: "/1.0/networks/berthbr0/state" },
    check: (state) => {
      assert.deepEqual(Object.keys(state).sort(), ["addresses", "bond", "bridge", "counters", "hwaddr", "mtu", "ovn", "state", "type", "vlan"]);
      assert.deepEqual([state.state, state.type, state.mtu, state.bond, state.vlan], ["up", "broadcast", 1500, null, null]);
      assert.deepEqual(state.addresses[0] && { ...state.addresses[0], address: "" }, { family: "inet", address: "", netmask: "24", scope: "global" });
    },
    bad: { path: "/1.0/networks/nope/state", ...missing },
  },
  listNetworkLeases: {
    good: { path: "/1.0/networks/berthbr0/leases" },
    check: (leases) => {
      assert.deepEqual(Object.keys(leases[0]), ["hostname", "hwaddr", "address", "type", "location"]);
      assert.deepEqual([leases[0].hostname, leases[0].type], ["berthbr0.gw", "gateway"]);
    },
    bad: { path: "/1.0/networks/lo/leases", status: 400, error: 'Network "lo" is not managed by Berth' },
  },
} satisfies Record<keyof typeof networkEndpoints, Case>;
