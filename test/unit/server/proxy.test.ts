// Proxy devices: how addresses are read, which options go together, and the rules of the firewall that follow.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type NatForward, natChains, renderNatForward } from "../../../networks/nftables/nat-forward.ts";
import { clash, formatAddress, parseAddress } from "../../../server/devices/proxy/address.ts";
import { renderProxyHeader } from "../../../server/devices/proxy/forwarder/header.ts";
import { proxyFault } from "../../../server/devices/proxy/options.ts";

test("addresses are read as LXD reads them", () => {
  assert.deepEqual(parseAddress("tcp:127.0.0.1:80"), { protocol: "tcp", address: "127.0.0.1", ports: [80] });
  assert.deepEqual(parseAddress("udp:[2001:DB8::0:1]:10-12,20"), { protocol: "udp", address: "2001:db8::1", ports: [10, 11, 12, 20] });
  assert.deepEqual(parseAddress("tcp::80"), { protocol: "tcp", address: "", ports: [80] });
  assert.deepEqual(parseAddress("unix:/run/a b:c.sock"), { protocol: "unix", address: "/run/a b:c.sock", ports: [] });
  assert.deepEqual(parseAddress("unix:@name"), { protocol: "unix", address: "@name", ports: [] });
  for (const text of ["tcp:127.0.0.1:80", "udp:[::1]:10-12,20", "unix:@x", "unix:/x"]) assert.equal(formatAddress(parseAddress(text)), text);
});

test("what is no address is refused", () => {
  const wrong = [
    "", "tcp", "tcp:", "sctp:1.2.3.4:5", "tcp:1.2.3.4", "tcp:1.2.3.4:", "tcp:1.2.3.4:0", "tcp:1.2.3.4:65536", "tcp:1.2.3.4:9-8", "tcp:1.2.3.4:1,,2", "tcp:1.2.3.4:1-2-3",
    "tcp:1.2.3.4:5,5", "tcp:localhost:80", "tcp:1.2.3:80", "tcp:::1:80", "tcp:[::1:80", "tcp:[::1%eth0]:80", "tcp:1.2.3.4:80x", "unix:", "unix:relative", "unix:/a/", "unix:/a/..", "unix:@",
    "unix:/a\0b", `unix:/${"x".repeat(107)}`,
  ];
  for (const text of wrong) assert.throws(() => parseAddress(text), /./, text);
});

const both = (listen: string, connect: string, more: Record<string, string> = {}) => proxyFault({ type: "proxy", listen, connect, ...more });

test("options that do not go together are refused in LXD's words", () => {
  assert.match(proxyFault({ listen: "tcp:1.2.3.4:1" }) ?? "", /"connect" is missing/);
  assert.match(both("udp:1.2.3.4:1", "tcp:1.2.3.4:1") ?? "", /udp to non-udp/);
  assert.match(both("tcp:1.2.3.4:1", "tcp:1.2.3.4:1-2") ?? "", /Mismatch/);
  assert.match(both("tcp:1.2.3.4:1-3", "tcp:1.2.3.4:1-2") ?? "", /Mismatch/);
  assert.match(both("unix:/x", "tcp:1.2.3.4:1-2") ?? "", /Mismatch/);
  assert.match(both("tcp:1.2.3.4:1", "unix:/x", { proxy_protocol: "true" }) ?? "", /PROXY header/);
  for (const listen of ["tcp:1.2.3.4:1", "unix:@x"]) assert.match(both(listen, "unix:/y", { mode: "0600" }) ?? "", /non-abstract/);
  const nat = { nat: "true" };
  assert.match(both("tcp:1.2.3.4:1", "tcp:1.2.3.4:1", { ...nat, bind: "instance" }) ?? "", /host-bound/);
  assert.match(both("tcp:1.2.3.4:1", "udp:1.2.3.4:1", nat) ?? "", /tcp <-> udp is not supported/);
  assert.match(both("tcp:0.0.0.0:1", "tcp:1.2.3.4:1", nat) ?? "", /wildcard/);
  assert.match(both("tcp:[::1]:1", "tcp:1.2.3.4:1", nat) ?? "", /mix IP versions/);
  assert.match(both("tcp:1.2.3.4:1", "tcp:1.2.3.4:1", { ...nat, proxy_protocol: "yes" }) ?? "", /PROXY header/);
});

test("what LXD allows is allowed", () => {
  const allowed = [
    ["tcp:1.2.3.4:1", "udp:1.2.3.4:1"], ["unix:/x", "udp:1.2.3.4:1"], ["unix:/x", "tcp:1.2.3.4:1"], ["tcp:1.2.3.4:1-9", "unix:/x"], ["tcp:1.2.3.4:1-9", "tcp:[::]:1"], ["udp:[::]:1", "udp:1.2.3.4:1"],
  ] as const;
  for (const [listen, connect] of allowed) assert.equal(both(listen, connect), undefined);
  assert.equal(both("unix:/x", "unix:/y", { uid: "1", gid: "2", mode: "0600", bind: "guest" }), undefined);
  assert.equal(both("tcp:1.2.3.4:1", "tcp:0.0.0.0:1", { nat: "true", bind: "host" }), undefined);
});

test("two addresses clash when both cannot be listened on", () => {
  const meet = (a: string, b: string) => clash(parseAddress(a), parseAddress(b)) && clash(parseAddress(b), parseAddress(a));
  for (const [a, b] of [["tcp:1.2.3.4:1-5", "tcp:1.2.3.4:5"], ["tcp:0.0.0.0:1", "tcp:1.2.3.4:1"], ["tcp:[::]:1", "tcp:1.2.3.4:1"], ["tcp::1", "tcp:[::1]:1"], ["unix:/x", "unix:/x"]] as const) assert.ok(meet(a, b), `${a} ${b}`);
  for (const [a, b] of [["tcp:1.2.3.4:1", "udp:1.2.3.4:1"], ["tcp:1.2.3.4:1", "tcp:1.2.3.5:1"], ["tcp:0.0.0.0:1", "tcp:[::1]:1"], ["tcp:1.2.3.4:1", "tcp:1.2.3.4:2"], ["unix:/x", "unix:/y"]] as const) assert.ok(!meet(a, b), `${a} ${b}`);
});

test("the PROXY header names both ends", () => {
  const ends = { client: "::ffff:1.2.3.4", clientPort: 5, server: "::ffff:6.7.8.9", serverPort: 10 };
  assert.equal(renderProxyHeader(ends), "PROXY TCP4 1.2.3.4 6.7.8.9 5 10\r\n");
  assert.equal(renderProxyHeader({ client: "fd00::1", clientPort: 5, server: "fd00::2", serverPort: 10 }), "PROXY TCP6 fd00::1 fd00::2 5 10\r\n");
  assert.equal(renderProxyHeader(undefined), "PROXY UNKNOWN\r\n");
});

const forward: NatForward = {
  label: "c1.web", family: 4, protocol: "tcp", listen: "192.0.2.1", listenPorts: [80, 81, 90], target: "10.0.0.2", targetPorts: [80, 81, 99], neighbours: "10.0.0.0/24",
};

test("rules keep equal ports as ranges, and lead others one by one", () => {
  const rules = renderNatForward(forward).split("\n").filter((line) => line.startsWith("add rule inet berth natin.c1.web"));
  assert.deepEqual(rules.map((line) => line.slice(33)), ["ip daddr 192.0.2.1 tcp dport 80-81 dnat ip to 10.0.0.2", "ip daddr 192.0.2.1 tcp dport 90 dnat ip to 10.0.0.2:99"]);
  const text = renderNatForward({ ...forward, family: 6, listen: "fd00::1", target: "fd00::2", targetPorts: [8080], neighbours: "fd00::/64" });
  assert.match(text, /natout\.c1\.web ip6 daddr fd00::1 tcp dport 80-81 dnat ip6 to \[fd00::2\]:8080\n/);
  assert.match(text, /natback\.c1\.web ct status dnat ip6 saddr fd00::\/64 ip6 daddr fd00::2 tcp dport \{ 8080 \} masquerade/);
});

test("names that nft would not take become digests", () => {
  assert.deepEqual(natChains("c1.web"), ["natin.c1.web", "natout.c1.web", "natback.c1.web"]);
  for (const label of ["a b.c", `${"x".repeat(120)}.y`, "a;flush ruleset"]) assert.match(natChains(label)[0], /^natin\.[0-9a-f]{32}$/);
});
