// MAC addresses, and the IPv6 addresses that follow from them.
import { createHash } from "node:crypto";
import { type Cidr, formatIp, subnetBounds } from "../../server/api/config-keys/ip.ts";

/** A MAC address in Xen's range that LXD uses, always the same for a seed. */
export function makeMac(seed: string): string {
  const hash = createHash("sha256").update(seed).digest();
  return ["00", "16", "3e", ...[...hash.subarray(0, 3)].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

/** The address that an interface gives itself in a /64 (SLAAC, modified EUI-64); undefined for other prefixes. */
export function slaacAddress(subnet: Cidr, mac: string): string | undefined {
  const bytes = mac.split(":").map((part) => Number.parseInt(part, 16));
  if (subnet.family !== 6 || subnet.prefix !== 64 || bytes.length !== 6) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const suffix = [a ^ 2, b, c, 0xff, 0xfe, d, e, f].reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return formatIp({ family: 6, value: subnetBounds(subnet).first | suffix });
}
