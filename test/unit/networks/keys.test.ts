// What a bridge's configuration may hold, and how missing addresses are settled.
import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveConfig } from "../../../networks/resolve.ts";
import { checkConfig } from "../../../server/api/config-keys/key.ts";
import { bridgeKeys } from "../../../server/api/config-keys/network.ts";
import type { Run } from "../../../server/host/run.ts";

const good: [string, string][] = [
  ["ipv4.address", "10.1.2.1/24"], ["ipv4.address", "none"], ["ipv6.address", "auto"], ["ipv6.address", "fd42:1:2:3::1/64"],
  ["bridge.mtu", "9000"], ["bridge.hwaddr", "00:16:3E:aa:bb:cc"], ["ipv4.dhcp.expiry", "7d"], ["ipv4.dhcp.expiry", "infinite"],
  ["ipv4.dhcp.ranges", "10.1.2.5-10.1.2.9, 10.1.2.20-10.1.2.30"], ["ipv4.routes", "10.8.0.0/16,10.9.0.0/16"], ["dns.search", "a.example,b"],
  ["raw.dnsmasq", "address=/x/10.0.0.1\nlog-queries"], ["user.note", "a\nb"], ["ipv6.nat.order", "after"], ["dns.domain", "lab.example"],
];
const bad: [string, string, RegExp][] = [
  ["ipv4.address", "10.1.2.0/24", /the network's own address/], ["ipv4.address", "10.1.2.255/24", /broadcast/], ["ipv4.address", "10.1.2.1", /with its prefix/],
  ["ipv4.address", "fd42::1/64", /IPv4/], ["ipv4.address", "10.1.2.1/31", /between 8 and 30/], ["ipv4.address", "127.0.0.2/8", /cannot be given/],
  ["ipv6.address", "fe80::1/64", /cannot be given/], ["ipv4.routes", "10.8.0.1/16", /did you mean 10\.8\.0\.0\/16/], ["ipv4.routes", "0.0.0.0/0", /default route/],
  ["ipv4.dhcp.ranges", "10.1.2.9-10.1.2.5", /ends before it begins/], ["ipv4.dhcp.ranges", "10.1.2.9", /FIRST-LAST/], ["ipv4.dhcp.expiry", "1", /at least 2 minutes/],
  ["ipv4.dhcp.expiry", "soon", /a time/], ["bridge.mtu", "68", /at least 1280/], ["bridge.hwaddr", "01:16:3e:00:00:01", /group/], ["bridge.driver", "openvswitch", /one of native/],
  ["dns.domain", "a b", /domain name/], ["dns.domain", "-x", /domain name/], ["dns.search", "ok,no good", /"no good" is none/], ["ipv4.nat.address", "10.0.0.1/24", /an IPv4 address/],
];

test("values that can be applied are taken", () => {
  for (const [key, value] of good) assert.deepEqual(checkConfig(bridgeKeys, { [key]: value }), { [key]: value });
});

test("values that cannot be applied are refused with a reason", () => {
  for (const [key, value, reason] of bad) assert.throws(() => checkConfig(bridgeKeys, { [key]: value }), { code: "invalid_config_value", message: reason }, `${key}=${value}`);
});

test("keys that nothing applies are unknown, and those of the server are its own", () => {
  for (const key of ["bridge.mode", "fan.type", "ipv4.dhcp.stateful", "ipv6.dhcp.gateway", "security.acls"]) {
    assert.throws(() => checkConfig(bridgeKeys, { [key]: "x" }), { code: "unknown_config_key" }, key);
  }
  assert.throws(() => checkConfig(bridgeKeys, { "volatile.network.id": "7" }), { code: "readonly_config_key" });
});

const addresses = JSON.stringify([{ ifname: "lxdbr0", addr_info: [{ local: "10.5.0.1", prefixlen: 24 }] }, { ifname: "eth0", addr_info: [{ local: "10.6.0.1", prefixlen: 24 }] }]);
const fake: Run = async (_tool, args) => ({ stdout: args.includes("addr") ? addresses : "[]", stderr: "" });

test("a new network gets free addresses with NAT, a changed one only what it asks for", async () => {
  const settled = await resolveConfig({}, "lxdbr0", { run: fake, random: () => 0.25 });
  assert.equal(settled["ipv4.address"], "10.64.64.1/24");
  assert.equal(settled["ipv4.nat"], "true");
  assert.deepEqual(await resolveConfig({ "ipv4.address": "auto", "ipv4.nat": "false" }, "lxdbr0", { run: fake, random: () => 0 }, { creating: false }), {
    "ipv4.address": "10.0.0.1/24", "ipv4.nat": "false",
  });
  assert.deepEqual(await resolveConfig({}, "lxdbr0", { run: fake }, { creating: false }), {});
});

test("its own subnet is no hindrance to a network, those of others are", async () => {
  const own = { "ipv4.address": "10.5.0.1/24", "ipv6.address": "none" };
  assert.deepEqual(await resolveConfig(own, "lxdbr0", { run: fake }), own);
  await assert.rejects(resolveConfig({ ...own, "ipv4.address": "10.6.0.9/20" }, "lxdbr0", { run: fake }), { code: "subnet_taken" });
  const reserved = [{ subnet: "10.7.0.0/24", interface: "other", connected: true }];
  await assert.rejects(resolveConfig({ ...own, "ipv4.address": "10.7.0.1/24" }, "lxdbr0", { run: fake, reserved }), { code: "subnet_taken" });
});
