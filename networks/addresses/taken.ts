// Which subnets this machine already knows a way to.
import { bits, type Cidr, formatCidr, parseCidr, parseIp } from "../../server/api/config-keys/ip.ts";
import type { Run } from "../../server/host/run.ts";
import { holds, overlaps, subnetOf } from "./subnet.ts";

export interface TakenSubnet {
  readonly subnet: string;
  /** The interface that has it; for routes without one, their kind, such as `blackhole`. */
  readonly interface: string;
  /** The machine has an address in it, as against a route that leads there. */
  readonly connected: boolean;
}

interface RouteRow { dst?: string; dev?: string; type?: string }
interface AddressRow { ifname?: string; addr_info?: { local?: string; prefixlen?: number }[] }

/** A route so wide that it stands for "everywhere else" (VPNs split the default route) takes no subnet. */
const widest = { 4: 8, 6: 7 } as const;

function isPlace(cidr: Cidr): boolean {
  if (cidr.prefix < widest[cidr.family]) return false;
  if (cidr.family === 4) return cidr.value >> 24n !== 127n && cidr.value >> 28n !== 14n;
  return cidr.value >> 118n !== 0x3fan && cidr.value >> 120n !== 0xffn && cidr.value !== 1n;
}

function readRoute(dst: string): Cidr | undefined {
  const ip = parseIp(dst);
  return ip ? { ...ip, prefix: bits(ip.family) } : parseCidr(dst);
}

/** Subnets in the output of `ip -j route` and `ip -j addr`. */
export function parseTaken(routes: string, addresses: string): TakenSubnet[] {
  const fromAddresses = (JSON.parse(addresses || "[]") as AddressRow[]).flatMap(({ ifname, addr_info }) =>
    (addr_info ?? []).flatMap(({ local, prefixlen }) => {
      const cidr = parseCidr(`${local}/${prefixlen}`);
      return cidr && isPlace(cidr) ? [{ subnet: subnetOf(cidr), interface: ifname ?? "?", connected: true }] : [];
    }),
  );
  const fromRoutes = (JSON.parse(routes || "[]") as RouteRow[]).flatMap(({ dst, dev, type }) => {
    const cidr = dst === undefined ? undefined : readRoute(dst);
    return cidr && isPlace(cidr) ? [{ subnet: formatCidr(cidr), interface: dev ?? type ?? "?", connected: false }] : [];
  });
  return [...fromAddresses, ...fromRoutes];
}

/** The subnets of this machine's addresses and routes, both families. Throws `tool_failed`, `tool_missing`. */
export async function takenSubnets(run: Run): Promise<TakenSubnet[]> {
  const [routes4, routes6, addresses] = await Promise.all([
    run("ip", ["-j", "-4", "route", "show"]),
    run("ip", ["-j", "-6", "route", "show"]).catch(() => ({ stdout: "[]" })),
    run("ip", ["-j", "addr", "show"]),
  ]);
  return [...parseTaken(routes4.stdout, addresses.stdout), ...parseTaken(routes6.stdout, "[]")];
}

/**
 * What stands in the way of a subnet a user asked for: an address of the machine in a subnet that overlaps,
 * or a route into it. A wider route (a VPN to all of 10/8) does not: the narrower one wins, as it was asked for.
 */
export function findConflict(wanted: Cidr, taken: readonly TakenSubnet[]): TakenSubnet | undefined {
  return taken.find((entry) => {
    const other = parseCidr(entry.subnet);
    return other && overlaps(wanted, other) && (entry.connected || (other.prefix >= wanted.prefix && holds(wanted, other)));
  });
}
