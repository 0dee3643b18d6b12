// What a bridged nic with filtering may send, as rules of nftables' bridge family. They meet what comes in from the
// host's end, whether it is for the host or for another port.
import { parseCidr, parseIp, subnetBounds } from "../../api/config-keys/ip.ts";

export interface Filter {
  /** Lower-case. */
  mac: string;
  /** Addresses and subnets that it may send from; all when undefined, none when empty. */
  ipv4: readonly string[] | undefined;
  ipv6: readonly string[] | undefined;
}

const hexOf = (mac: string): string => `0x${mac.replaceAll(":", "")}`;

/** The rules for a host's end, in order. Pure. */
export function renderFilter(hostName: string, filter: Filter): string[] {
  const from = `iifname "${hostName}"`;
  return [
    `ether saddr != ${filter.mac} drop`,
    `ether type arp arp saddr ether != ${filter.mac} drop`,
    // The MAC address that a neighbour advertisement tells.
    `ether type ip6 icmpv6 type 136 @nh,528,48 != ${hexOf(filter.mac)} drop`,
    ...(filter.ipv4 ? ipv4Rules(filter.ipv4) : []),
    ...(filter.ipv6 ? ipv6Rules(filter.ipv6) : []),
    ...(filter.ipv4 || filter.ipv6 ? ["ether type != { arp, ip, ip6 } drop"] : []),
  ].map((rule) => `${from} ${rule}`);
}

/** Asking for an address is let through to DHCP, unless there is none to be had. */
function ipv4Rules(sources: readonly string[]): string[] {
  return [
    ...(sources.length > 0 ? ["ether type ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp dport 67 accept"] : []),
    ...sources.flatMap((source) => [`ether type arp arp saddr ip ${source} accept`, `ether type ip ip saddr ${source} accept`]),
    "ether type arp drop",
    "ether type ip drop",
  ];
}

function ipv6Rules(sources: readonly string[]): string[] {
  if (sources.length === 0) return ["ether type ip6 drop"];
  return [
    "ether type ip6 ip6 saddr fe80::/10 ip6 daddr ff02::1:2 udp dport 547 accept",
    "ether type ip6 ip6 saddr fe80::/10 ip6 daddr ff02::2 icmpv6 type 133 accept",
    "ether type ip6 icmpv6 type 134 drop",
    ...sources.map((source) => `ether type ip6 icmpv6 type 136 ${targetIn(source)} accept`),
    "ether type ip6 icmpv6 type 136 drop",
    ...sources.map((source) => `ether type ip6 ip6 saddr ${source} accept`),
    "ether type ip6 drop",
  ];
}

/** Matches the address that a neighbour advertisement is about: its first bits, behind 48 bytes of headers. */
function targetIn(source: string): string {
  const cidr = parseCidr(source) ?? { ...(parseIp(source) ?? { family: 6 as const, value: 0n }), prefix: 128 };
  const first = subnetBounds(cidr).first >> BigInt(128 - cidr.prefix);
  return `@nh,384,${cidr.prefix} 0x${first.toString(16)}`;
}
