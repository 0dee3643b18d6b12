// The firewall rules of a bridge as data: what hides behind the host, what may pass, what reaches dnsmasq.
import type { BridgeSettings, FamilySettings } from "../settings.ts";

export interface Chain {
  /** `PURPOSE.NETWORK` */
  readonly name: string;
  readonly type: "nat" | "filter";
  readonly hook: "postrouting" | "forward" | "input" | "output";
  readonly priority: number;
  readonly rules: readonly string[];
}

/** What chains of a network can be called, whether it has them or not. */
const purposes = ["pstrt", "pstrtafter", "fwd", "in", "out"] as const;

/** The names of all chains that a network may have. */
export function chainNames(network: string): string[] {
  return purposes.map((purpose) => `${purpose}.${network}`);
}

const words = { 4: "ip", 6: "ip6" } as const;

function natRule({ family, subnet, natAddress }: FamilySettings): string {
  const ip = words[family];
  return `${ip} saddr ${subnet} ${ip} daddr != ${subnet} ${natAddress ? `snat ${ip} to ${natAddress}` : "masquerade"}`;
}

function forwardRules(name: string, { family, routing }: FamilySettings): string[] {
  const verdict = routing ? "accept" : "reject";
  return ["oifname", "iifname"].map((direction) => `${words[family]} version ${family} ${direction} "${name}" ${verdict}`);
}

const icmp = {
  4: { in: "icmp type { 3, 11, 12 }", out: "icmp type { 3, 11, 12 }" },
  6: { in: "icmpv6 type { 1, 2, 3, 4, 133, 135, 136, 143 }", out: "icmpv6 type { 1, 2, 3, 4, 128, 134, 135, 136, 143 }" },
} as const;
const dhcpPort = { 4: 67, 6: 547 } as const;

function serviceRules(name: string, direction: "in" | "out", families: readonly FamilySettings[]): string[] {
  const match = direction === "in" ? `iifname "${name}"` : `oifname "${name}"`;
  const port = direction === "in" ? "dport" : "sport";
  return [
    `${match} tcp ${port} 53 accept`,
    `${match} udp ${port} 53 accept`,
    ...families.flatMap(({ family }) => [`${match} ${icmp[family][direction]} accept`, `${match} udp ${port} ${dhcpPort[family]} accept`]),
  ];
}

/** The chains a network needs; those that would be empty are left out. */
export function listChains(settings: BridgeSettings): Chain[] {
  const { name } = settings;
  const families = [settings.ipv4, settings.ipv6].filter((family) => family !== undefined);
  const nat = families.filter((family) => family.nat);
  const guarded = families.filter((family) => family.firewall);
  const services = (direction: "in" | "out"): string[] => (guarded.length > 0 ? serviceRules(name, direction, guarded) : []);
  const chains: Chain[] = [
    { name: `pstrt.${name}`, type: "nat", hook: "postrouting", priority: 100, rules: nat.filter((f) => f.natOrder === "before").map(natRule) },
    { name: `pstrtafter.${name}`, type: "nat", hook: "postrouting", priority: 101, rules: nat.filter((f) => f.natOrder === "after").map(natRule) },
    { name: `fwd.${name}`, type: "filter", hook: "forward", priority: 0, rules: guarded.flatMap((family) => forwardRules(name, family)) },
    { name: `in.${name}`, type: "filter", hook: "input", priority: 0, rules: services("in") },
    { name: `out.${name}`, type: "filter", hook: "output", priority: 0, rules: services("out") },
  ];
  return chains.filter(({ rules }) => rules.length > 0);
}
