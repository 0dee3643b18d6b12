// The leases of a network as the API shows them: the gateway, what is reserved, what dnsmasq gave.
import type { NetworkLease } from "../server/api/networks.ts";
import { slaacAddress } from "./addresses/mac.ts";
import { type HostEntry, nameOfFile } from "./dnsmasq/hosts.ts";
import type { Lease } from "./dnsmasq/leases.ts";
import type { BridgeSettings } from "./settings.ts";

/** Berth runs on one machine: every lease is of this location. */
const location = "none";

function gatewayRows(settings: BridgeSettings, mac: string): NetworkLease[] {
  return [settings.ipv4, settings.ipv6].filter((family) => family !== undefined)
    .map(({ address }) => ({ hostname: `${settings.name}.gw`, hwaddr: mac, address, type: "gateway", location }));
}

/** What an interface has without asking: its reserved addresses, and the one it makes itself from advertisements. */
function hostRows(settings: BridgeSettings, file: string, entry: HostEntry): NetworkLease[] {
  const base = { hostname: entry.name ?? nameOfFile(file), hwaddr: entry.mac, location };
  const slaac = settings.ipv6 && !settings.ipv6.stateful ? slaacAddress(settings.ipv6.cidr, entry.mac) : undefined;
  return [
    ...[entry.ipv4, entry.ipv6].filter((address) => address !== undefined).map((address) => ({ ...base, address, type: "static" })),
    ...(slaac && !entry.ipv6 ? [{ ...base, address: slaac, type: "dynamic" }] : []),
  ];
}

/** All rows: gateway, then each instance's interface, then the other leases. `now` in seconds since 1970. */
export function listLeaseRows(
  settings: BridgeSettings, mac: string, hosts: ReadonlyMap<string, HostEntry>, leases: readonly Lease[], now: number,
): NetworkLease[] {
  const fixed = [...gatewayRows(settings, mac), ...[...hosts].flatMap(([file, entry]) => hostRows(settings, file, entry))];
  const known = new Set(fixed.map(({ address }) => address));
  const names = new Map([...hosts].map(([file, entry]) => [entry.mac, entry.name ?? nameOfFile(file)]));
  const dynamic = leases.filter(({ expiry, address }) => (expiry === 0 || expiry > now) && !known.has(address))
    .map(({ name, mac: hwaddr, address }) => ({ hostname: name || (names.get(hwaddr) ?? ""), hwaddr, address, type: "dynamic", location }));
  return [...fixed, ...dynamic];
}
