// The nftables rules of one nic: what it may send, how much, and from where. Each lies in a chain `nic.HOSTNAME`, in
// the table of the family that sees it: bridge (filters), inet (reverse paths), netdev (rates).
import { type Filter, renderFilter } from "./filters.ts";

export interface NicRules {
  filter?: Filter | undefined;
  /** Drop what comes from an address that the host would not send back to it. */
  reversePath?: boolean;
  /** Most bits per second that the guest sends. A token bucket as tc's police is, which many kernels lack. */
  egress?: number | undefined;
}

type Family = "bridge" | "inet" | "netdev";
export const families: readonly Family[] = ["bridge", "inet", "netdev"];

export const chainOf = (hostName: string): string => `nic.${hostName}`;

const hooks: Readonly<Record<Family, (hostName: string) => string>> = {
  bridge: () => "hook prerouting priority -200",
  inet: () => "hook prerouting priority -300",
  netdev: (hostName) => `hook ingress device "${hostName}" priority 0`,
};

/** What may come at once, after a pause, besides a second's worth. Not less than the kernel puts into one packet. */
const burst = "64 kbytes";

function rulesOf(family: Family, hostName: string, rules: NicRules): string[] {
  if (family === "bridge") return rules.filter ? renderFilter(hostName, rules.filter) : [];
  if (family === "inet") return rules.reversePath ? [`iifname "${hostName}" fib saddr . iif oif missing drop`] : [];
  return rules.egress ? [`limit rate over ${Math.ceil(rules.egress / 8)} bytes/second burst ${burst} drop`] : [];
}

function renderFamily(family: Family, hostName: string, now: NicRules, before: NicRules): string[] {
  const rules = rulesOf(family, hostName, now);
  const chain = `${family} berth ${chainOf(hostName)}`;
  if (rules.length > 0) {
    return [
      `add table ${family} berth`,
      `add chain ${chain} { type filter ${hooks[family](hostName)}; policy accept; }`,
      `flush chain ${chain}`,
      ...rules.map((rule) => `add rule ${chain} ${rule}`),
    ];
  }
  return rulesOf(family, hostName, before).length > 0 ? renderRemoval(family, chainOf(hostName)) : [];
}

/** Takes a chain away, whether it is there or not. */
export function renderRemoval(family: string, chain: string): string[] {
  return [`add table ${family} berth`, ...["add", "flush", "delete"].map((verb) => `${verb} chain ${family} berth ${chain}`)];
}

/** Text for `nft -f -` that puts these rules in place of those before; empty when there is nothing to do. Pure. */
export function renderNicRules(hostName: string, now: NicRules, before: NicRules): string {
  return families.flatMap((family) => renderFamily(family, hostName, now, before)).map((line) => `${line}\n`).join("");
}
