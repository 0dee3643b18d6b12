// Hosts files, lease files, pid file and the release packet.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { deleteHost, listHosts, makeHostsDir, nameOfFile, parseHost, renderHost, writeHost } from "../../../networks/dnsmasq/hosts.ts";
import { parseLeases } from "../../../networks/dnsmasq/leases.ts";
import { renderPidFile } from "../../../networks/dnsmasq/pid-file.ts";
import { linesOf } from "../../../networks/dnsmasq/process.ts";
import { renderRelease } from "../../../networks/dnsmasq/release.ts";
import { renderNames, writeNames } from "../../../networks/dnsmasq/names.ts";
import { listLeaseRows } from "../../../networks/lease-list.ts";
import { readSettings } from "../../../networks/settings.ts";

const mac = "00:16:3e:34:50:03";

test("a hosts line reads back as it was written", () => {
  assert.equal(renderHost({ mac, name: "c1" }), "00:16:3e:34:50:03,c1");
  assert.equal(renderHost({ mac, ipv4: "10.0.0.9", ipv6: "fd42::9", name: "c1" }), "00:16:3e:34:50:03,10.0.0.9,[fd42::9],c1");
  // dnsmasq would take c1.web for c1, which is another instance's name.
  assert.equal(renderHost({ mac, ipv4: "10.0.0.9", name: "c1.web" }), "00:16:3e:34:50:03,10.0.0.9,set:unnamed");
  assert.deepEqual(parseHost("00:16:3e:34:50:03,10.0.0.9,set:unnamed"), { mac, ipv4: "10.0.0.9", ipv6: undefined, name: undefined });
  for (const entry of [{ mac }, { mac, ipv4: "10.0.0.9" }, { mac, ipv6: "fd42::9" }, { mac, ipv4: "10.0.0.9", ipv6: "fd42::9", name: "c1" }]) {
    assert.deepEqual(parseHost(renderHost(entry)), { ipv4: undefined, ipv6: undefined, name: undefined, ...entry });
  }
});

test("what another dnsmasq wrote to the log is not taken for this one's words", () => {
  const words = "dnsmasq: failed to create listening socket for 10.66.7.1: Address already in use";
  const log = `${words}\ndnsmasq[7]: started, version 2.90\ndnsmasq[7]: read /etc/hosts\ndnsmasq-dhcp[7]: DHCP, IP range\ndnsmasq[8]: query[A] x`;
  assert.equal(linesOf(9, log), words);
  assert.equal(linesOf(7, log).split("\n").length, 4);
});

test("a hosts entry cannot carry more than it should", () => {
  for (const entry of [{ mac: "x" }, { mac, ipv4: "fd42::1" }, { mac, ipv6: "10.0.0.1" }, { mac, name: "a,b" }, { mac, name: "a\nb" }]) {
    assert.throws(() => renderHost(entry), RangeError);
  }
});

test("names of instances in projects stand in files of their own, with the addresses that are known", () => {
  const settings = readSettings("br0", { "ipv4.address": "10.66.7.1/24", "ipv6.address": "fd42:1::1/64", "dns.domain": "lan" });
  const names = renderNames(settings, { mac, ipv4: "10.66.7.9" }, "c1.web");
  assert.equal(names, "10.66.7.9 c1.web.lan\nfd42:1::216:3eff:fe34:5003 c1.web.lan\n");
  assert.equal(renderNames({ ...settings, ipv6: undefined }, { mac, ipv4: "10.99.7.9" }, "c1.web"), "", "an address of another subnet is none");
  const base = mkdtempSync(`${tmpdir()}/berth-names-`);
  makeHostsDir(`${base}/n`);
  assert.deepEqual([names, names, "", ""].map((text) => writeNames(`${base}/n`, "web_c1.eth0", text)), [true, false, true, false]);
  assert.deepEqual(readdirSync(base, { recursive: true }), ["n"]);
  rmSync(base, { recursive: true });
});

test("the file name stands for the name in DNS", () => {
  assert.equal(nameOfFile("c1.eth0"), "c1");
  assert.equal(nameOfFile("web_c1.eth_0"), "c1.web");
});

test("hosts files are written, listed and removed", () => {
  const base = mkdtempSync(`${tmpdir()}/berth-hosts-`);
  const dir = `${base}/dnsmasq.hosts`;
  makeHostsDir(dir);
  assert.equal(writeHost(dir, "c1.eth0", { mac, name: "c1" }), true);
  assert.equal(writeHost(dir, "c1.eth0", { mac, name: "c1" }), false);
  assert.throws(() => writeHost(dir, "../c1", { mac }), RangeError);
  assert.equal(listHosts(dir).get("c1.eth0")?.name, "c1");
  assert.equal(deleteHost(dir, "c1.eth0")?.mac, mac);
  assert.equal(deleteHost(dir, "c1.eth0"), undefined);
  assert.deepEqual(readdirSync(base), ["dnsmasq.hosts"]);
  rmSync(base, { recursive: true });
});

const leaseFile = `1700003600 00:16:3e:34:50:03 10.66.7.50 c1 ff:34:50:03:00:01
0 00:16:3e:34:50:04 10.66.7.51 * 01:00:16:3e:34:50:04
100 00:16:3e:34:50:05 10.66.7.52 old *
duid 00:01:00:01:2f:00:00:00:00:16:3e:00:00:01
1700003600 1234 fd42:5:6:7::77 c1 00:01:00:01:2e:aa:bb:cc:00:16:3e:34:50:03
broken
`;

test("a lease file is read, both families", () => {
  assert.deepEqual(parseLeases(leaseFile), [
    { family: 4, expiry: 1700003600, mac, address: "10.66.7.50", name: "c1", clientId: "ff:34:50:03:00:01" },
    { family: 4, expiry: 0, mac: "00:16:3e:34:50:04", address: "10.66.7.51", name: "", clientId: "01:00:16:3e:34:50:04" },
    { family: 4, expiry: 100, mac: "00:16:3e:34:50:05", address: "10.66.7.52", name: "old", clientId: "" },
    { family: 6, expiry: 1700003600, mac, address: "fd42:5:6:7::77", name: "c1", clientId: "00:01:00:01:2e:aa:bb:cc:00:16:3e:34:50:03" },
  ]);
});

test("the list of leases begins with the gateway and leaves out what has ended", () => {
  const settings = readSettings("lxdbr0", { "ipv4.address": "10.66.7.1/24", "ipv6.address": "fd42:5:6:7::1/64" });
  const hosts = new Map([["c1.eth0", { mac, ipv4: "10.66.7.50", name: "c1" }]]);
  const rows = listLeaseRows(settings, "00:16:3e:00:00:01", hosts, parseLeases(leaseFile), 1700000000);
  assert.deepEqual(rows.map(({ hostname, address, type }) => `${hostname} ${address} ${type}`), [
    "lxdbr0.gw 10.66.7.1 gateway", "lxdbr0.gw fd42:5:6:7::1 gateway", "c1 10.66.7.50 static",
    "c1 fd42:5:6:7:216:3eff:fe34:5003 dynamic", " 10.66.7.51 dynamic", "c1 fd42:5:6:7::77 dynamic",
  ]);
});

test("the pid file says what was started", () => {
  assert.match(renderPidFile(42, { args: ["--a", "b: c"], raw: "" }), /^name: dnsmasq\nargs:\n- "--a"\n- "b: c"\npid: 42\nraw_sha256: e3b0c442[0-9a-f]+\n$/);
});

test("a release names the lease, its client and the server", () => {
  const packet = renderRelease({ mac, address: "10.66.7.50", clientId: "ff:01" }, "10.66.7.1");
  assert.deepEqual([...packet.subarray(0, 4)], [1, 1, 6, 0]);
  assert.deepEqual([...packet.subarray(12, 16)], [10, 66, 7, 50]);
  assert.equal(packet.subarray(28, 34).toString("hex"), "00163e345003");
  assert.equal(packet.subarray(236).toString("hex"), "63825363" + "350107" + "36040a420701" + "3d02ff01" + "ff");
});
