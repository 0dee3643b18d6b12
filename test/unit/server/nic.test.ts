// Nics: what their options may say, and what is told to the kernel for them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDevices } from "../../../server/devices/check.ts";
import type { DeviceCall } from "../../../server/devices/device.ts";
import { checkRate, parseBits } from "../../../server/devices/nic/bits.ts";
import { renderFilter } from "../../../server/devices/nic/filters.ts";
import { freeAddress } from "../../../server/devices/nic/free-address.ts";
import { isLive } from "../../../server/devices/nic/live.ts";
import { guestName } from "../../../server/devices/nic/names.ts";
import { renderPortVlans } from "../../../server/devices/nic/port.ts";
import { answerTo, renderProbe } from "../../../server/devices/nic/probe-frames.ts";
import { guestAddresses, renderNeighbors, renderRoutedGuest, renderRoutedHost, renderRoutes } from "../../../server/devices/nic/routes.ts";
import { renderNicRules } from "../../../server/devices/nic/rules.ts";
import { ratesOf, renderShaping } from "../../../server/devices/nic/shaping.ts";
import { checkVlan, checkVlans } from "../../../server/devices/nic/vlan-ids.ts";
import { parentOf } from "../../../server/devices/nic/vlan.ts";
import { readCidr, readIp } from "../../../networks/addresses/subnet.ts";

test("rates are bits, in decimal and binary units", () => {
  assert.deepEqual(["9000", "10kbit", "10Mbit", "1Gbit", "2Tbit", "1Kibit", "3Mibit", "1Gibit"].map(parseBits), [9000, 1e4, 1e7, 1e9, 2e12, 1024, 3 * 2 ** 20, 2 ** 30]);
  for (const text of ["", "fast", "10MB", "10mbit", "1.5Mbit", "-1bit", "1constructor", "10 Mbit", "999999999999999Tbit"]) assert.equal(parseBits(text), undefined, text);
  assert.match(checkRate("7999") ?? "", /at least 8kbit/);
  assert.equal(checkRate("8kbit"), undefined);
  assert.deepEqual(ratesOf({ "limits.ingress": "1Mbit", "limits.egress": "2Mbit" }), { ingress: 1e6, egress: 2e6 });
  assert.deepEqual(ratesOf({ "limits.ingress": "1Mbit", "limits.max": "3Mbit" }), { ingress: 3e6, egress: 3e6 });
  assert.deepEqual(renderShaping("veth1", 5e6), ["qdisc add dev veth1 root handle 1: htb default 10", "class add dev veth1 parent 1: classid 1:10 htb rate 5000000bit"]);
});

test("VLANs are numbers from 1 to 4094, and ranges of them", () => {
  for (const good of ["1", "4094", "none"]) assert.equal(checkVlan(good), undefined, good);
  for (const bad of ["0", "4095", "-1", "x", "1;", "1,2"]) assert.ok(checkVlan(bad), bad);
  for (const good of ["1", "1,5-7", " 9 , 10"]) assert.equal(checkVlans(good), undefined, good);
  for (const bad of ["", "0", "7-5", "1-4095", "a-b", "1,,2", "none"]) assert.ok(checkVlans(bad), bad);
  assert.deepEqual(renderPortVlans({ vlan: "5", "vlan.tagged": "7,10-12" }, "v", "1"), [
    "vlan del dev v vid 1", "vlan add dev v vid 5 pvid untagged", "vlan add dev v vid 7", "vlan add dev v vid 10-12",
  ]);
  assert.deepEqual(renderPortVlans({ vlan: "none" }, "v", "1"), ["vlan del dev v vid 1"]);
  assert.deepEqual(renderPortVlans({ vlan: "1" }, "v", "1"), ["vlan add dev v vid 1 pvid untagged"]);
  assert.deepEqual([parentOf({ nictype: "macvlan", parent: "eth0", vlan: "5" }), parentOf({ nictype: "bridged", parent: "br0", vlan: "5" }), parentOf({ network: "n" }), parentOf({})], ["eth0.5", "br0", "n", ""]);
});

const mac = "00:16:3e:00:00:01";

test("a filter lets through what is the nic's own, in this order", () => {
  const plain = renderFilter("v", { mac, ipv4: undefined, ipv6: undefined });
  assert.equal(plain.length, 3);
  for (const rule of plain) assert.match(rule, /^iifname "v" .* drop$/);
  const four = renderFilter("v", { mac, ipv4: ["10.0.0.2", "10.9.0.0/24"], ipv6: undefined });
  assert.deepEqual(four.slice(3), [
    "ether type ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp dport 67 accept",
    "ether type arp arp saddr ip 10.0.0.2 accept", "ether type ip ip saddr 10.0.0.2 accept",
    "ether type arp arp saddr ip 10.9.0.0/24 accept", "ether type ip ip saddr 10.9.0.0/24 accept",
    "ether type arp drop", "ether type ip drop", "ether type != { arp, ip, ip6 } drop",
  ].map((rule) => `iifname "v" ${rule}`));
  const none = renderFilter("v", { mac, ipv4: [], ipv6: [] }).slice(3);
  assert.deepEqual(none.filter((rule) => rule.endsWith("accept")), []);
  const six = renderFilter("v", { mac, ipv4: undefined, ipv6: ["fd00::7", "fd00:1::/64"] });
  assert.ok(six.includes('iifname "v" ether type ip6 icmpv6 type 136 @nh,384,128 0xfd000000000000000000000000000007 accept'));
  assert.ok(six.includes('iifname "v" ether type ip6 icmpv6 type 136 @nh,384,64 0xfd00000100000000 accept'));
  assert.ok(six.indexOf('iifname "v" ether type ip6 icmpv6 type 136 drop') < six.indexOf('iifname "v" ether type ip6 ip6 saddr fd00::7 accept'));
});

test("rules are replaced in one text, and only those that were there are taken away", () => {
  assert.equal(renderNicRules("v", {}, {}), "");
  const egress = renderNicRules("v", { egress: 8e6 }, {});
  assert.match(egress, /^add table netdev berth\nadd chain netdev berth nic\.v \{ type filter hook ingress device "v" priority 0; policy accept; \}\nflush chain netdev berth nic\.v\nadd rule netdev berth nic\.v limit rate over 1000000 bytes\/second burst 64 kbytes drop\n$/);
  const changed = renderNicRules("v", { reversePath: true }, { egress: 8e6 });
  assert.match(changed, /add rule inet berth nic\.v iifname "v" fib saddr \. iif oif missing drop/);
  assert.match(changed, /delete chain netdev berth nic\.v/);
  assert.doesNotMatch(changed, /bridge/);
});

test("a routed nic has its addresses in the guest, and the way to them on the host", () => {
  const options = { nictype: "routed", parent: "eth0", vlan: "7", "ipv4.address": "192.0.2.5, 192.0.2.6", "ipv6.address": "2001:db8::5", "ipv4.routes": "198.51.100.0/24", "ipv4.host_table": "9", "ipv6.gateway": "none" };
  assert.deepEqual(renderRoutedHost(options, "v"), [
    "addr replace 169.254.0.1/32 dev v", "route add 192.0.2.5/32 dev v proto boot", "route add 192.0.2.5/32 dev v proto boot table 9",
    "route add 192.0.2.6/32 dev v proto boot", "route add 192.0.2.6/32 dev v proto boot table 9", "route add 198.51.100.0/24 via 192.0.2.5 dev v proto boot",
    "addr replace fe80::1/128 dev v nodad", "route add 2001:db8::5/128 dev v proto boot",
  ]);
  assert.deepEqual(renderNeighbors("replace", options), ["192.0.2.5", "192.0.2.6", "2001:db8::5"].map((address) => `neigh replace proxy ${address} dev eth0.7`));
  assert.deepEqual(guestAddresses(options).gateways, [{ family: "ipv4", address: "169.254.0.1" }]);
  assert.deepEqual(renderRoutedGuest(options, "n"), [
    "addr add 192.0.2.5/32 dev n", "addr add 192.0.2.6/32 dev n", "addr add 2001:db8::5/128 dev n nodad", "route add 169.254.0.1/32 dev n", "route add default via 169.254.0.1 dev n",
  ]);
  assert.deepEqual(renderRoutes("del", ["10.0.0.0/24"], "br0"), ["route del 10.0.0.0/24 dev br0 proto boot"]);
});

test("the first address that nobody has is found in the ranges", () => {
  const settings = { family: 4 as const, cidr: readCidr("10.0.0.1/29"), ranges: [["10.0.0.1", "10.0.0.2"], ["10.0.0.5", "10.0.0.6"]] as const };
  assert.equal(freeAddress(settings, new Set()), "10.0.0.2");
  assert.equal(freeAddress(settings, new Set(["10.0.0.2", "10.0.0.5"])), "10.0.0.6");
  assert.equal(freeAddress(settings, new Set(["10.0.0.2", "10.0.0.5", "10.0.0.6"])), undefined);
});

test("a nic keeps its name in the guest, and never takes another's", () => {
  const call = (name: string, options: Record<string, string>, volatile: Record<string, string> = {}) => ({ name, options: { type: "nic", ...options }, volatile }) as unknown as DeviceCall;
  const all = [call("a", { name: "eth0" }), call("b", {}), call("c", {}, { name: "eth2" }), call("d", {}, { name: "eth0" })];
  const names = all.map((one) => guestName(Object.assign(one, { all })));
  assert.deepEqual(names, ["eth0", "eth1", "eth2", "eth3"]);
  assert.equal(all[3]?.volatile["name"], "eth3");
  assert.equal(guestName(Object.assign(call("e", {}), { all }), ["eth4"]), "eth5");
});

test("probes ask for an address, and answers of others are none", () => {
  const four = { family: 4 as const, value: readIp("192.0.2.9").value };
  const arp = renderProbe(four, mac);
  assert.equal(arp.toString("hex"), "ffffffffffff00163e000001080600010800060400010016" + "3e00000100000000000000000000c0000209");
  const reply = Buffer.from(`00163e0000010016${"3e000002"}08060001080006040002${"00163e000002"}c0000209${"00163e000001"}00000000`, "hex");
  assert.equal(answerTo(reply, four), true);
  assert.equal(answerTo(reply, { family: 4, value: four.value + 1n }), false);
  assert.equal(answerTo(arp, four), false);
  assert.equal(answerTo(reply.subarray(0, 20), four), false);
  const six = { family: 6 as const, value: readIp("2001:db8::9").value };
  const solicitation = renderProbe(six, mac);
  assert.equal(solicitation.length, 14 + 40 + 24);
  assert.equal(solicitation.subarray(0, 6).toString("hex"), "3333ff000009");
  const words = (from: number, count: number) => Array.from({ length: count }, (_, index) => solicitation.readUInt16BE(from + index * 2)).reduce((sum, word) => sum + word, 0);
  const sum = words(22, 16) + 24 + 58 + words(54, 12); // both addresses, length, protocol, message
  assert.equal((sum & 0xffff) + (sum >>> 16), 0xffff); // the checksum makes it whole
  const advert = Buffer.from(solicitation);
  advert[54] = 136;
  assert.deepEqual([answerTo(advert, six), answerTo(solicitation, six), answerTo(advert, four)], [true, false, false]);
});

test("what can be changed in place is what the host's end alone has", () => {
  const bridged = { type: "nic", network: "n" };
  assert.equal(isLive({ ...bridged, "limits.max": "1Mbit", "ipv4.routes": "10.0.0.0/8", "user.x": "1" }, bridged), true);
  assert.equal(isLive({ ...bridged, name: "x" }, bridged), false);
  assert.equal(isLive({ type: "nic", nictype: "routed", "ipv4.address": "192.0.2.1" }, { type: "nic", nictype: "routed" }), false);
});

const networks: Record<string, Record<string, string>> = {
  br0: { "ipv4.address": "10.0.0.1/24", "ipv6.address": "fd00::1/64", "ipv6.dhcp.stateful": "true" },
  quiet0: { "ipv4.address": "10.1.0.1/24", "ipv4.dhcp": "false", "ipv6.address": "none" },
};
const world = { hasNetwork: (name: string) => name in networks, hasPool: () => true, networkConfig: (name: string) => networks[name] };
const check = (...nics: Record<string, string>[]) => checkDevices(Object.fromEntries(nics.map((nic, index) => [`d${index}`, { type: "nic", ...nic }])), world);

test("nics of every kind are let through with what is theirs", () => {
  const good: Record<string, string>[] = [
    { network: "br0", "ipv4.address": "10.0.0.7", "ipv6.address": "fd00::7", "security.mac_filtering": "true", "limits.max": "1Gbit", "user.note": "x" },
    { nictype: "bridged", parent: "br0", "ipv4.address": "10.0.0.7", mtu: "1400" }, { nictype: "bridged", parent: "x0", "security.ipv4_filtering": "true", "ipv4.address": "none" },
    { network: "quiet0", "security.ipv4_filtering": "true" }, { nictype: "macvlan", parent: "x0", vlan: "5", gvrp: "true" }, { nictype: "p2p", "ipv6.routes": "2001:db8::/64" },
    { nictype: "physical", parent: "x0", vlan: "9" }, { nictype: "routed", parent: "x0", "ipv4.address": "1.2.3.4,1.2.3.5", "ipv4.routes": "10.0.0.0/8", "ipv4.neighbor_probe": "false" },
  ];
  for (const nic of good) check(nic);
});

test("nics are refused with what is wrong with them", () => {
  const wrong: [RegExp, ...Record<string, string>[]][] = [
    [/Cannot have ipv4.address as none unless/, { network: "br0", "ipv4.address": "none" }], [/DHCP is disabled/, { network: "quiet0", "ipv4.address": "10.1.0.9" }],
    [/assigned to parent managed network device "br0"/, { nictype: "bridged", parent: "br0", "ipv4.address": "10.0.0.1" }], [/has one address/, { network: "br0", "ipv4.address": "10.0.0.5,10.0.0.6" }],
    [/unmanaged parent bridge/, { nictype: "bridged", parent: "x0", "ipv6.address": "fd00::1" }], [/IP filtering cannot be used with VLAN/, { network: "br0", "security.ipv4_filtering": "1", vlan: "5" }],
    [/Tagged VLAN ID "6" cannot be the same/, { network: "br0", vlan: "6", "vlan.tagged": "5-7" }], [/only a bridged nic can have "none"/, { nictype: "macvlan", parent: "x", vlan: "none" }],
    [/more than 15 letters/, { nictype: "physical", parent: "enp123456789", vlan: "100" }], [/combined with a parent/, { nictype: "routed", vlan: "5" }],
    [/Duplicate address "1.2.3.4"/, { nictype: "routed", "ipv4.address": "1.2.3.4,1.2.3.4" }], [/ipv6.routes requires ipv6.address/, { nictype: "routed", "ipv6.routes": "2001:db8::/64" }],
    [/not an option of a nic of type "p2p"/, { nictype: "p2p", parent: "x0" }], [/not an option of a nic of type "physical"/, { nictype: "physical", parent: "x0", "limits.max": "1Mbit" }],
    [/"ipvlan" is not supported/, { nictype: "ipvlan", parent: "x0" }], [/did you mean/, { nictype: "routed", "ipv4.address": "1.2.3.4", "ipv4.routes": "10.0.0.1/8" }],
    [/default route/, { nictype: "p2p", "ipv4.routes": "0.0.0.0/0" }], [/Duplicate NIC name detected "a"/, { nictype: "p2p", name: "a" }, { network: "br0", name: "a" }],
    [/host_name is that of/, { nictype: "p2p", host_name: "a" }, { nictype: "p2p", host_name: "a" }], [/for itself/, { nictype: "physical", parent: "x" }, { nictype: "physical", parent: "x" }],
    [/already uses "ipv4.gateway" in auto mode/, { nictype: "routed", "ipv4.address": "1.2.3.4" }, { nictype: "routed", "ipv4.address": "1.2.3.5" }],
    [/no interface name/, { nictype: "macvlan", parent: "../x" }], [/no interface name/, { nictype: "p2p", host_name: "-x" }], [/no interface name/, { nictype: "p2p", name: "a b" }],
  ];
  for (const [reason, ...nics] of wrong) assert.throws(() => check(...nics), { code: "invalid_device", message: reason }, JSON.stringify(nics));
});
