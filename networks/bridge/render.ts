// What has to be told to the kernel to make a bridge what its configuration says: lines for `ip -batch`
// and values under /proc/sys. Nothing here touches the host.
import { formatCidr } from "../../server/api/config-keys/ip.ts";
import type { BridgeSettings, FamilySettings } from "../settings.ts";

/** A bridge as it is found. */
export interface BridgeFound {
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** `ADDRESS/PREFIX` of all addresses but link-local ones. */
  readonly addresses: readonly string[];
  /** Subnets of static routes that lead to it. */
  readonly routes: readonly string[];
}

/** A file below /proc/sys/net, and what it should hold. */
export interface Sysctl {
  readonly path: string;
  readonly value: string;
}

const families = (settings: BridgeSettings): FamilySettings[] => [settings.ipv4, settings.ipv6].filter((family) => family !== undefined);

/** Lines that make a bridge that is not there. */
export function renderCreate(settings: BridgeSettings, mac: string): string[] {
  return [`link add name ${settings.name} address ${mac} type bridge`];
}

/** What must hold before the bridge gets its addresses. */
export function renderBridgeSysctls(settings: BridgeSettings): Sysctl[] {
  const conf = `ipv6/conf/${settings.name}`;
  if (!settings.ipv6) return [{ path: `${conf}/disable_ipv6`, value: "1" }];
  return ["disable_ipv6", "autoconf", "accept_dad"].map((key) => ({ path: `${conf}/${key}`, value: "0" }));
}

/** What must hold for traffic to pass. IPv6 forwarding is more than a value: see `forwardIpv6`. */
export function renderForwardingSysctls(settings: BridgeSettings): Sysctl[] {
  return settings.ipv4?.routing ? [{ path: "ipv4/ip_forward", value: "1" }] : [];
}

/** Without an IPv6 address IPv6 is switched off on the bridge, which has taken its addresses and routes along. */
const isLeft = (settings: BridgeSettings, address: string): boolean => settings.ipv6 !== undefined || !address.includes(":");

function renderAddresses(settings: BridgeSettings, found: BridgeFound): string[] {
  const wanted = new Map(families(settings).map((family) => [formatCidr(family.cidr), family.family]));
  const stale = found.addresses.filter((address) => !wanted.has(address) && isLeft(settings, address));
  const missing = [...wanted].filter(([address]) => !found.addresses.includes(address));
  return [
    // Gone first: an address added beside another of its subnet would go with it.
    ...stale.map((address) => `addr del ${address} dev ${settings.name}`),
    ...missing.map(([address, family]) => `addr add ${address} ${family === 4 ? "brd +" : "nodad"} dev ${settings.name}`),
  ];
}

const routesOf = (settings: BridgeSettings): string[] => families(settings).flatMap((family) => family.routes);

function renderStaleRoutes(settings: BridgeSettings, found: BridgeFound): string[] {
  const wanted = routesOf(settings);
  return found.routes.filter((route) => !wanted.includes(route) && isLeft(settings, route))
    .map((route) => `route del ${route} dev ${settings.name} proto static`);
}

/** Lines that change a bridge from what it is to what it should be; ports stay attached, what is right stays. */
export function renderConfigure(settings: BridgeSettings, found: BridgeFound): string[] {
  const { name, mtu, hwaddr } = settings;
  return [
    ...(mtu === found.mtu ? [] : [`link set dev ${name} mtu ${mtu}`]),
    ...(hwaddr === undefined || hwaddr === found.mac ? [] : [`link set dev ${name} address ${hwaddr}`]),
    ...(found.up ? [] : [`link set dev ${name} up`]),
    ...renderStaleRoutes(settings, found), // before the addresses: the last one takes the routes along
    ...renderAddresses(settings, found),
    ...routesOf(settings).map((route) => `route replace ${route} dev ${name} proto static`),
  ];
}
