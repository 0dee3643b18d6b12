// The texts given to ip, dnsmasq and nft.
import assert from "node:assert/strict";
import { test } from "node:test";
import { renderBridgeSysctls, renderConfigure, renderCreate, renderForwardingSysctls } from "../../../networks/bridge/render.ts";
import { dnsmasqFiles, needsDnsmasq, renderArgs } from "../../../networks/dnsmasq/render.ts";
import { renderRemoval, renderRules } from "../../../networks/nftables/render.ts";
import { listChains } from "../../../networks/nftables/rules.ts";
import { readSettings } from "../../../networks/settings.ts";
import type { Config } from "../../../server/api/schemas.ts";

const both = { "ipv4.address": "10.66.7.1/24", "ipv4.nat": "true", "ipv6.address": "fd42:5:6:7::1/64", "ipv6.nat": "true" };
const settings = (config: Config = both) => readSettings("lxdbr0", config);
const fresh = { mac: "00:16:3e:00:00:01", mtu: 1500, up: false, addresses: [], routes: [] };
const args = (config: Config = both): string[] => renderArgs(settings(config), dnsmasqFiles("/b/networks/lxdbr0"), { user: "nobody", group: "nogroup" });

test("a new bridge gets its addresses and routes", () => {
  assert.deepEqual(renderCreate(settings(), "00:16:3e:00:00:01"), ["link add name lxdbr0 address 00:16:3e:00:00:01 type bridge"]);
  assert.deepEqual(renderConfigure(settings({ ...both, "bridge.mtu": "1400", "ipv4.routes": "10.1.0.0/16, 10.2.0.0/16" }), fresh), [
    "link set dev lxdbr0 mtu 1400", "link set dev lxdbr0 up",
    "addr add 10.66.7.1/24 brd + dev lxdbr0", "addr add fd42:5:6:7::1/64 nodad dev lxdbr0",
    "route replace 10.1.0.0/16 dev lxdbr0 proto static", "route replace 10.2.0.0/16 dev lxdbr0 proto static",
  ]);
});

test("a bridge that is as it should be is not touched", () => {
  const found = { ...fresh, up: true, addresses: ["10.66.7.1/24", "fd42:5:6:7::1/64"] };
  assert.deepEqual(renderConfigure(settings(), found), []);
});

test("what does not belong to a bridge goes before what does comes", () => {
  const found = { ...fresh, up: true, addresses: ["10.66.7.2/24", "fd42::1/64"], routes: ["10.1.0.0/16", "fd43::/64"] };
  assert.deepEqual(renderConfigure(settings({ "ipv4.address": "10.66.7.1/24" }), found), [
    "route del 10.1.0.0/16 dev lxdbr0 proto static", "addr del 10.66.7.2/24 dev lxdbr0", "addr add 10.66.7.1/24 brd + dev lxdbr0",
  ]);
});

test("kernel settings follow from the addresses", () => {
  assert.deepEqual(renderBridgeSysctls(settings()).map(({ path, value }) => `${path}=${value}`), [
    "ipv6/conf/lxdbr0/disable_ipv6=0", "ipv6/conf/lxdbr0/autoconf=0", "ipv6/conf/lxdbr0/accept_dad=0",
  ]);
  assert.deepEqual(renderBridgeSysctls(settings({})), [{ path: "ipv6/conf/lxdbr0/disable_ipv6", value: "1" }]);
  assert.deepEqual(renderForwardingSysctls(settings()), [{ path: "ipv4/ip_forward", value: "1" }]);
  assert.deepEqual(renderForwardingSysctls(settings({ ...both, "ipv4.routing": "false" })), []);
});

test("dnsmasq gets LXD's arguments in LXD's order", () => {
  assert.deepEqual(args(), [
    "--keep-in-foreground", "--strict-order", "--bind-interfaces", "--except-interface=lo", "--pid-file=", "--no-ping", "--interface=lxdbr0",
    "--dhcp-rapid-commit", "--quiet-dhcp", "--quiet-dhcp6", "--quiet-ra",
    "--listen-address=10.66.7.1", "--dhcp-no-override", "--dhcp-authoritative",
    "--dhcp-leasefile=/b/networks/lxdbr0/dnsmasq.leases", "--dhcp-hostsfile=/b/networks/lxdbr0/dnsmasq.hosts",
    "--dhcp-range", "10.66.7.2,10.66.7.254,1h",
    "--listen-address=fd42:5:6:7::1", "--enable-ra", "--dhcp-range", "::,constructor:lxdbr0,ra-stateless,ra-names",
    "-s", "lxd", "--interface-name", "_gateway.lxd,lxdbr0", "-S", "/lxd/",
    "--addn-hosts=/b/networks/lxdbr0/dnsmasq.names", "--dhcp-ignore-names=tag:unnamed",
    "--conf-file=/b/networks/lxdbr0/dnsmasq.raw", "-u", "nobody", "-g", "nogroup", "--log-facility=-",
  ]);
});

test("dnsmasq's options follow the configuration", () => {
  const text = args({
    ...both, "ipv4.dhcp.gateway": "10.66.7.9", "bridge.mtu": "9000", "dns.search": "a.example, b.example", "ipv4.dhcp.expiry": "2h",
    "ipv4.dhcp.ranges": "10.66.7.10-10.66.7.20,10.66.7.30-10.66.7.40", "ipv6.dhcp.stateful": "true", "dns.mode": "none",
  }).join(" ");
  assert.match(text, /--dhcp-option-force=3,10\.66\.7\.9 --dhcp-option-force=26,9000 --dhcp-option-force=119,a\.example,b\.example --dhcp-range 10\.66\.7\.10,10\.66\.7\.20,2h --dhcp-range 10\.66\.7\.30,10\.66\.7\.40,2h/);
  assert.match(text, /--dhcp-range fd42:5:6:7::2,fd42:5:6:7:ffff:ffff:ffff:ffff,64,1h --conf-file/);
  assert.match(args({ ...both, "ipv6.dhcp": "false" }).join(" "), /--dhcp-range ::,constructor:lxdbr0,ra-only/);
  assert.doesNotMatch(args({ ...both, "ipv4.dhcp": "no", "ipv6.dhcp": "no" }).join(" "), /leasefile/);
  assert.match(args({ "ipv6.address": "fd42::1/64" }).join(" "), /leasefile/);
  assert.equal(needsDnsmasq(settings({ "ipv4.address": "none" })), false);
});

const remove = (chain: string): string[] => ["add", "flush", "delete"].map((verb) => `${verb} chain inet berth ${chain}`);
const filled = (chain: string, kind: string, rules: readonly string[]): string[] => [
  `add chain inet berth ${chain} { type ${kind}; policy accept; }`, `flush chain inet berth ${chain}`, ...rules.map((rule) => `add rule inet berth ${chain} ${rule}`),
];

test("the rules of a network are one transaction that replaces the old ones", () => {
  const all = ["pstrt", "pstrtafter", "fwd", "in", "out"].flatMap((kind) => remove(`${kind}.lxdbr0`));
  assert.equal(renderRemoval("lxdbr0"), ["add table inet berth", ...all, ""].join("\n"));
  assert.deepEqual(renderRules("lxdbr0", listChains(settings())).split("\n"), [
    "add table inet berth",
    ...remove("pstrtafter.lxdbr0"),
    ...filled("pstrt.lxdbr0", "nat hook postrouting priority 100", [
      "ip saddr 10.66.7.0/24 ip daddr != 10.66.7.0/24 masquerade",
      "ip6 saddr fd42:5:6:7::/64 ip6 daddr != fd42:5:6:7::/64 masquerade",
    ]),
    ...filled("fwd.lxdbr0", "filter hook forward priority 0", [
      "ip version 4 oifname \"lxdbr0\" accept", "ip version 4 iifname \"lxdbr0\" accept",
      "ip6 version 6 oifname \"lxdbr0\" accept", "ip6 version 6 iifname \"lxdbr0\" accept",
    ]),
    ...filled("in.lxdbr0", "filter hook input priority 0", [
      "iifname \"lxdbr0\" tcp dport 53 accept", "iifname \"lxdbr0\" udp dport 53 accept",
      "iifname \"lxdbr0\" icmp type { 3, 11, 12 } accept", "iifname \"lxdbr0\" udp dport 67 accept",
      "iifname \"lxdbr0\" icmpv6 type { 1, 2, 3, 4, 133, 135, 136, 143 } accept", "iifname \"lxdbr0\" udp dport 547 accept",
    ]),
    ...filled("out.lxdbr0", "filter hook output priority 0", [
      "oifname \"lxdbr0\" tcp sport 53 accept", "oifname \"lxdbr0\" udp sport 53 accept",
      "oifname \"lxdbr0\" icmp type { 3, 11, 12 } accept", "oifname \"lxdbr0\" udp sport 67 accept",
      "oifname \"lxdbr0\" icmpv6 type { 1, 2, 3, 4, 128, 134, 135, 136, 143 } accept", "oifname \"lxdbr0\" udp sport 547 accept",
    ]),
    "",
  ]);
});

test("NAT and routing can be other than usual, and a family can be left to others", () => {
  const lines = renderRules("lxdbr0", listChains(settings({
    ...both, "ipv4.nat.address": "192.0.2.1", "ipv4.nat.order": "after", "ipv4.routing": "false", "ipv6.firewall": "false", "ipv6.nat": "",
  }))).split("\n");
  const text = lines.join("\n");
  assert.ok(text.includes(filled("pstrtafter.lxdbr0", "nat hook postrouting priority 101", ["ip saddr 10.66.7.0/24 ip daddr != 10.66.7.0/24 snat ip to 192.0.2.1"]).join("\n")));
  assert.ok(lines.includes("delete chain inet berth pstrt.lxdbr0"));
  assert.ok(lines.includes("add rule inet berth fwd.lxdbr0 ip version 4 iifname \"lxdbr0\" reject"));
  assert.doesNotMatch(text, /ip6|icmpv6/);
});

test("a name that could be more than a name is refused", () => {
  for (const name of ["a", "x;y", "a b", "br\"0", "../etc", "-br", ".br", "br\n0", "all", "default", "lo", "abcdefghijklmnop", "br{}"]) {
    assert.throws(() => readSettings(name, both), { code: "invalid_name" }, name);
    assert.throws(() => renderRemoval(name), { code: "invalid_name" }, name);
  }
});

test("a range outside the subnet is refused", () => {
  assert.throws(() => settings({ ...both, "ipv4.dhcp.ranges": "10.66.8.2-10.66.8.9" }), { code: "invalid_config_value" });
});
