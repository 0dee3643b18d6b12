// Arithmetic on subnets: where one begins and ends, whether two share an address.
import { type Cidr, formatCidr, formatIp, type Ip, parseCidr, parseIp, subnetBounds } from "../../server/api/config-keys/ip.ts";

/** Reads an address with its prefix. Throws RangeError: what comes here was checked before. */
export function readCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw new RangeError(`"${text}" is no address with a prefix`);
  return cidr;
}

/** Reads an address. Throws RangeError. */
export function readIp(text: string): Ip {
  const ip = parseIp(text);
  if (!ip) throw new RangeError(`"${text}" is no IP address`);
  return ip;
}

/** The subnet an address lies in: `10.1.2.3/24` → `10.1.2.0/24`. */
export function subnetOf(cidr: Cidr): string {
  return formatCidr({ ...cidr, value: subnetBounds(cidr).first });
}

/** Whether two subnets of one family share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  if (a.family !== b.family) return false;
  const [x, y] = [subnetBounds(a), subnetBounds(b)];
  return x.first <= y.last && y.first <= x.last;
}

/** Whether a subnet holds an address. */
export function holds(subnet: Cidr, ip: Ip): boolean {
  const { first, last } = subnetBounds(subnet);
  return subnet.family === ip.family && first <= ip.value && ip.value <= last;
}

/** The address at a place of a subnet, counted from its first one, or from behind its last: 2 → `.2`, -2 → `.254` of a /24. */
export function addressAt(subnet: Cidr, place: number): string {
  const { first, last } = subnetBounds(subnet);
  const value = place < 0 ? last + 1n + BigInt(place) : first + BigInt(place);
  return formatIp({ family: subnet.family, value });
}

/** First and last address that DHCP gives when no range was asked for: all but the gateway's usual place. */
export function leasableRange(subnet: Cidr): readonly [string, string] {
  return [addressAt(subnet, 2), addressAt(subnet, subnet.family === 4 ? -2 : -1)];
}
