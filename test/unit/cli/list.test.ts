import assert from "node:assert/strict";
import { test } from "node:test";
import { type Listed, parseColumns } from "../../../cli/commands/instance/columns.ts";
import { matchesFilters, splitFilters } from "../../../cli/commands/instance/filters.ts";
import { chooseColumns } from "../../../cli/commands/instance/list.ts";
import { parseImageColumns } from "../../../cli/commands/image/list.ts";

const counters = {
  bytes_received: 0, bytes_sent: 0, packets_received: 0, packets_sent: 0, errors_received: 0, errors_sent: 0, packets_dropped_outbound: 0,
  packets_dropped_inbound: 0,
};
const network = (type: string, ...addresses: [string, "inet" | "inet6", "global" | "link"][]) => ({
  addresses: addresses.map(([address, family, scope]) => ({ family, address, netmask: "24", scope })), counters, hwaddr: "", host_name: "", mtu: 1500, state: "up", type,
});
const instance: Listed = {
  name: "web1", status: "Running", status_code: 103, architecture: "x86_64", ephemeral: true, profiles: ["default", "big"], stateful: false,
  description: "d", created_at: "2026-01-02T03:04:05Z", last_used_at: "1970-01-01T00:00:00Z", location: "none", type: "container", project: "default",
  config: { "user.blah": "abc", "volatile.base_image": "0123456789abcdef" }, devices: {},
  expanded_config: { "user.blah": "abc", "limits.memory": "1MiB", "volatile.base_image": "0123456789abcdef" },
  expanded_devices: { root: { type: "disk", path: "/", pool: "default" }, eth0: { type: "nic", network: "berthbr0" } },
  backups: null, snapshots: [{}, {}] as unknown as Listed["snapshots"],
  state: {
    status: "Running", status_code: 103, disk: { root: { usage: 2048 } }, memory: { usage: 524288, usage_peak: 0, swap_usage: 0, swap_usage_peak: 0 },
    network: {
      eth0: network("broadcast", ["10.0.0.5", "inet", "global"], ["fe80::1", "inet6", "link"], ["fd42::5", "inet6", "global"]),
      eth1: network("broadcast", ["10.0.1.5", "inet", "global"]),
      lo: network("loopback", ["127.0.0.1", "inet", "global"]),
    },
    pid: 42, processes: 3, cpu: { usage: 2_900_000_000 },
  },
};
const cells = (spec: string, of: Listed = instance) => parseColumns(spec).map((column) => column.cell(of));

test("fills every column", () => {
  assert.deepEqual(cells("46abcdDefFlLmMnNpPsStu"), [
    "10.0.1.5 (eth1)\n10.0.0.5 (eth0)", "fd42::5 (eth0)", "x86_64", "default", "2026/01/02 03:04 UTC", "d", "2.00KiB", "default", "0123456789ab",
    "0123456789abcdef", "", "none", "512.00KiB", "50.0%", "web1", "3", "42", "default\nbig", "RUNNING", "2", "CONTAINER (EPHEMERAL)", "2s",
  ]);
});

test("leaves what only runs empty when it does not run", () => {
  assert.deepEqual(cells("46mMNpu", { ...instance, status_code: 102 }), ["", "", "", "", "", "", ""]);
});

test("takes columns from configuration and devices, named and cut", () => {
  const columns = parseColumns("n,user.blah:B:2,devices:eth0.network:NET,config:user.blah,user.blah::1,limits.memory:MEM:0");
  assert.deepEqual(columns.map((column) => column.header), ["NAME", "B", "NET", "user.blah", "", "MEM"]);
  assert.deepEqual(columns.map((column) => column.cell(instance)), ["web1", "ab", "berthbr0", "abc", "a", "1Mi"]);
});

test("refuses columns it does not know", () => {
  for (const [spec, message] of [["q", /Unknown column shorthand char 'q'/], ["n,", /Empty column entry/], ["a.b:c:1:d", /too many fields/], ["a.b:", /Invalid name/], ["a.b:x:y", /must be an integer/], ["a.b:x:-2", /must -1, 0/]] as const) {
    assert.throws(() => parseColumns(spec), message, spec);
  }
  assert.throws(() => parseImageColumns("lz"), /Unknown column shorthand char 'z' in 'lz'/);
});

test("asks for state only when a column needs it", () => {
  assert.equal(parseColumns("nsacPt,user.x").some((column) => column.needsState), false);
  assert.equal(parseColumns("S").some((column) => column.needsState), true);
});

test("chooses columns as lxc does", () => {
  const base = { columns: "ns46tSL", fast: false, "all-projects": false };
  assert.equal(chooseColumns(base), "ns46tS");
  assert.equal(chooseColumns({ ...base, fast: true }), "nsacPt");
  assert.equal(chooseColumns({ ...base, "all-projects": true }), "ens46tS");
  assert.throws(() => chooseColumns({ ...base, fast: true, columns: "n" }), /Can't specify --fast with --columns/);
});

test("sends to the server what it understands", () => {
  assert.deepEqual(splitFilters(["status=running", "type=container", "web", "user.x=1", "status=a,b"]), {
    server: "status eq running and type eq container", client: ["web", "user.x=1", "status=a,b"],
  });
});

test("filters by name, key, shorthand and address", () => {
  const yes = ["web", "web1", "web.", "^we", "user.blah=abc", "u.blah=abc", "u.b=a.*", "status=stopped,running", "ipv4=10.0.0.0/24", "ipv4=10.0.1.5", "ipv6=fd42::/16", "type=CONTAINER"];
  const no = ["eb1", "eb", "user.blah=ab", "u=abc", "status=stopped", "ipv4=10.9.0.0/24", "ipv6=10.0.0.5", "user.none=x", "we$"];
  assert.deepEqual(yes.filter((filter) => !matchesFilters(instance, [filter])), []);
  assert.deepEqual(no.filter((filter) => matchesFilters(instance, [filter])), []);
  assert.equal(matchesFilters(instance, ["web", "user.blah=nope"]), false);
});

test("takes a broken regular expression as it is", () => {
  assert.equal(matchesFilters({ ...instance, name: "we[b" }, ["we["]), true);
});
