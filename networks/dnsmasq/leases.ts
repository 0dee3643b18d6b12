// dnsmasq's lease file: `EXPIRY MAC IP NAME CLIENT-ID`; after a `duid` line the same for IPv6, with an
// association id in place of the MAC.
import { readFileSync } from "node:fs";
import { parseIp } from "../../server/api/config-keys/ip.ts";

export interface Lease {
  readonly family: 4 | 6;
  /** Seconds since 1970; 0 for a lease that never ends. */
  readonly expiry: number;
  /** Lower-case MAC; for IPv6 the one its client id ends with, or "" when it holds none. */
  readonly mac: string;
  readonly address: string;
  /** "" when the client told none. */
  readonly name: string;
  /** Hex with colons; "" when the client told none. */
  readonly clientId: string;
}

/** The MAC in a DHCPv6 client id of type 1 (link-layer and time) or 3 (link-layer). */
function macOfClientId(id: string): string {
  const match = /^00:01:00:01(?::[0-9a-f]{2}){4}((?::[0-9a-f]{2}){6})$|^00:03:00:01((?::[0-9a-f]{2}){6})$/i.exec(id);
  return (match?.[1] ?? match?.[2] ?? "").slice(1).toLowerCase();
}

/** The leases of a lease file; lines that are none are passed over. */
export function parseLeases(text: string): Lease[] {
  return text.split("\n").flatMap((line) => {
    const [expiry, hardware, address, name, clientId] = line.trim().split(" ");
    const ip = address === undefined ? undefined : parseIp(address);
    if (!ip || !hardware || !name || !clientId || !/^\d+$/.test(expiry ?? "")) return [];
    const id = clientId === "*" ? "" : clientId;
    // Other link types than Ethernet have their number in front: `06-…`.
    const mac = ip.family === 4 ? hardware.replace(/^\w{2}-/, "").toLowerCase() : macOfClientId(id);
    return [{ family: ip.family, expiry: Number(expiry), mac, address: address ?? "", name: name === "*" ? "" : name, clientId: id }];
  });
}

/** The leases on disk; none when there is no file yet. */
export function readLeases(path: string): Lease[] {
  try {
    return parseLeases(readFileSync(path, "utf8"));
  } catch {
    return [];
  }
}
