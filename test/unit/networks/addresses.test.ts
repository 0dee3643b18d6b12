// IP arithmetic, free subnets, and what the machine already uses.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeMac, slaacAddress } from "../../../networks/addresses/mac.ts";
import { pickFreeSubnet4, pickFreeSubnet6 } from "../../../networks/addresses/pick.ts";
import { addressAt, holds, leasableRange, overlaps, readCidr, readIp, subnetOf } from "../../../networks/addresses/subnet.ts";
import { findConflict, parseTaken } from "../../../networks/addresses/taken.ts";
import { formatIp, parseCidr, parseIp } from "../../../server/api/config-keys/ip.ts";

const ipv4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => ({ family: 4 as const, value }));
const ipv6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => ({ family: 6 as const, value }));
const cidr4 = fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([ip, prefix]) => ({ ...ip, prefix }));
const cidr6 = fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })).map(([ip, prefix]) => ({ ...ip, prefix }));

test("an address reads back as it was written", () => {
  fc.assert(fc.property(fc.oneof(ipv4, ipv6), (ip) => assert.deepEqual(parseIp(formatIp(ip)), ip)));
});

test("what is no address is refused", () => {
  for (const text of ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "::g", "fe80::1%eth0", "1.2.3.4\n", "0x7f.1.1.1", "1234"]) {
    assert.equal(parseIp(text), undefined, text);
  }
  for (const text of ["1.2.3.4", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/24/8"]) assert.equal(parseCidr(text), undefined, text);
});

test("a subnet holds its own address, and overlapping goes both ways", () => {
  fc.assert(fc.property(fc.oneof(cidr4, cidr6), (cidr) => assert.ok(holds(readCidr(subnetOf(cidr)), cidr))));
  fc.assert(fc.property(cidr4, cidr4, (a, b) => {
    assert.equal(overlaps(a, b), overlaps(b, a));
    assert.equal(overlaps(a, b), holds(a, readIp(subnetOf(b).split("/")[0] ?? "")) || holds(b, readIp(subnetOf(a).split("/")[0] ?? "")));
  }));
  fc.assert(fc.property(cidr4, cidr6, (a, b) => assert.equal(overlaps(a, b), false)));
});

test("places are counted from both ends", () => {
  assert.equal(subnetOf(readCidr("10.1.2.3/20")), "10.1.0.0/20");
  assert.equal(addressAt(readCidr("10.1.2.3/24"), -1), "10.1.2.255");
  assert.deepEqual(leasableRange(readCidr("10.1.2.1/24")), ["10.1.2.2", "10.1.2.254"]);
  assert.deepEqual(leasableRange(readCidr("fd42::1/112")), ["fd42::2", "fd42::ffff"]);
});

test("a picked subnet overlaps with nothing that is taken", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(fc.array(cidr4.map(({ value, prefix }) => `${formatIp({ family: 4, value })}/${Math.max(prefix, 10)}`), { maxLength: 8 }), fc.infiniteStream(random), (taken, numbers) => {
    const picked = readCidr(pickFreeSubnet4(taken, () => numbers.next().value ?? 0));
    assert.equal(picked.prefix, 24);
    assert.ok(taken.every((subnet) => !overlaps(picked, readCidr(subnet))));
  }));
  assert.match(pickFreeSubnet6([], () => 0.5), /^fd42:8000:8000:8000::1\/64$/);
});

test("other private ranges serve when all of 10/8 is taken; nothing is left when all are", () => {
  assert.match(pickFreeSubnet4(["10.0.0.0/8"]), /^172\.(1[6-9]|2\d|3[01])\.\d+\.1\/24$/);
  assert.match(pickFreeSubnet4(["10.0.0.0/8", "172.16.0.0/12"]), /^192\.168\.\d+\.1\/24$/);
  assert.throws(() => pickFreeSubnet4(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]), { code: "no_free_subnet" });
});

test("a MAC address stays the same for a seed", () => {
  assert.equal(makeMac("a"), makeMac("a"));
  assert.notEqual(makeMac("a"), makeMac("b"));
  assert.match(makeMac("a"), /^00:16:3e(:[0-9a-f]{2}){3}$/);
});

test("an interface makes its address from its MAC in a /64 only", () => {
  assert.equal(slaacAddress(readCidr("fd42:1:2:3::1/64"), "00:16:3e:34:50:03"), "fd42:1:2:3:216:3eff:fe34:5003");
  assert.equal(slaacAddress(readCidr("fd42:1:2:3::1/80"), "00:16:3e:34:50:03"), undefined);
});

const routes = JSON.stringify([
  { dst: "default", gateway: "192.0.2.1", dev: "eth0" }, { dst: "0.0.0.0/1", dev: "tun0" }, { dst: "10.0.0.0/8", dev: "tun0" },
  { dst: "10.9.9.9", dev: "wg0" }, { dst: "172.20.0.0/16", type: "blackhole" }, { dst: "fe80::/64", dev: "eth0" },
]);
const addresses = JSON.stringify([
  { ifname: "lo", addr_info: [{ local: "127.0.0.1", prefixlen: 8 }, { local: "::1", prefixlen: 128 }] },
  { ifname: "eth0", addr_info: [{ local: "192.0.2.7", prefixlen: 24 }, { local: "fe80::1", prefixlen: 64 }, { local: "fd00::7", prefixlen: 64 }] },
]);

test("what the machine uses is read from its addresses and routes; the default route is no place", () => {
  assert.deepEqual(parseTaken(routes, addresses), [
    { subnet: "192.0.2.0/24", interface: "eth0", connected: true }, { subnet: "fd00::/64", interface: "eth0", connected: true },
    { subnet: "10.0.0.0/8", interface: "tun0", connected: false }, { subnet: "10.9.9.9/32", interface: "wg0", connected: false },
    { subnet: "172.20.0.0/16", interface: "blackhole", connected: false },
  ]);
});

test("a wider route does not stand in the way of a subnet that was asked for", () => {
  const taken = parseTaken(routes, addresses);
  assert.equal(findConflict(readCidr("10.1.2.1/24"), taken), undefined);
  assert.equal(findConflict(readCidr("10.9.9.1/24"), taken)?.interface, "wg0");
  assert.equal(findConflict(readCidr("192.0.2.129/25"), taken)?.interface, "eth0");
});
