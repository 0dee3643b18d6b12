// The configuration keys of a managed bridge. Only keys that are really applied stand here.
import { checkGateway, checkIp, checkRanges, checkSubnets, type Family } from "./ip.ts";
import type { Key, KeyTable, KeyType } from "./key.ts";

const kind = (name: string, check: (value: string) => string | undefined): KeyType => ({ kind: "check", name, check });
const bool: KeyType = { kind: "bool" };

const label = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;
const isDomain = (value: string): boolean => value.length <= 253 && value.split(".").every((part) => label.test(part));

function checkMac(value: string): string | undefined {
  if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(value)) return "expected a MAC address such as 00:16:3e:12:34:56";
  if (Number.parseInt(value.slice(0, 2), 16) % 2 === 1) return "it is the MAC address of a group, not of one interface";
  return /^(00:?){6}$/.test(value) ? "it is all zeros" : undefined;
}

function checkExpiry(value: string): string | undefined {
  if (value === "infinite") return undefined;
  const match = /^(\d{1,9})([smhdw]?)$/.exec(value);
  if (!match) return "expected a time such as 30m, 1h or 7d, or infinite";
  const unit = { "": 1, s: 1, m: 60, h: 3600, d: 86400, w: 604800 }[match[2] ?? ""] ?? 1;
  return Number(match[1]) * unit < 120 ? "expected at least 2 minutes" : undefined;
}

function checkDomain(value: string): string | undefined {
  return isDomain(value) ? undefined : "expected a domain name such as lxd or lab.example.net";
}

function checkSearch(value: string): string | undefined {
  const wrong = value.split(",").map((item) => item.trim()).find((item) => !isDomain(item));
  return wrong === undefined ? undefined : `expected domain names, separated by commas; "${wrong}" is none`;
}

function familyKeys(family: Family): Record<string, Key> {
  const ip = `ipv${family}`;
  const ranges = kind("ranges", (value) => checkRanges(family, value));
  const example = family === 4 ? "10.20.30.1/24" : "fd42:1:2:3::1/64";
  return {
    [`${ip}.address`]: {
      type: kind("gateway", (value) => checkGateway(family, value)), live: true, default: "auto (on creation)",
      description: `The bridge's IPv${family} address with its prefix (${example}), \`none\` for no IPv${family}, or \`auto\` for a free private subnet`,
    },
    [`${ip}.dhcp`]: { type: bool, default: "true", live: true, description: `Give addresses and options by DHCP over IPv${family}` },
    [`${ip}.dhcp.expiry`]: { type: kind("time", checkExpiry), default: "1h", live: true, description: "How long a lease holds" },
    [`${ip}.dhcp.ranges`]: {
      type: ranges, default: "all addresses", live: true,
      description: `Ranges FIRST-LAST that leases come from, separated by commas${family === 6 ? " (stateful DHCP only)" : ""}`,
    },
    [`${ip}.firewall`]: { type: bool, default: "true", live: true, description: `Add the firewall rules that DHCP, DNS and forwarding need for IPv${family}` },
    [`${ip}.nat`]: { type: bool, default: "false (true when the address is auto on creation)", live: true, description: "Hide the subnet behind the host's address" },
    [`${ip}.nat.address`]: {
      type: kind("address", (value) => checkIp(family, value)), default: "that of the outgoing interface", live: true,
      description: "The source address that traffic gets when it leaves the bridge",
    },
    [`${ip}.nat.order`]: {
      type: { kind: "enum", values: ["before", "after"] }, default: "before", live: true,
      description: "Whether the NAT rules come before or after those of other programs",
    },
    [`${ip}.routes`]: {
      type: kind("subnets", (value) => checkSubnets(family, value)), live: true,
      description: `More IPv${family} subnets to route to the bridge, separated by commas`,
    },
    [`${ip}.routing`]: { type: bool, default: "true", live: true, description: "Let traffic in and out of the bridge" },
  };
}

export const bridgeKeys: KeyTable = {
  "bridge.driver": { type: { kind: "enum", values: ["native"] }, default: "native", description: "How the bridge is made: by the kernel" },
  "bridge.hwaddr": { type: kind("mac", checkMac), live: true, description: "The bridge's MAC address; one that stays the same is made up when not set" },
  "bridge.mtu": { type: { kind: "int", min: 1280, max: 16384 }, default: "1500", live: true, description: "Largest packet, in bytes" },
  ...familyKeys(4),
  "ipv4.dhcp.gateway": {
    type: kind("address", (value) => checkIp(4, value)), default: "the bridge's address", live: true, description: "The gateway that DHCP tells",
  },
  ...familyKeys(6),
  "ipv6.dhcp.stateful": { type: bool, default: "false", live: true, description: "Give IPv6 addresses by DHCP, not only by router advertisements" },
  "dns.domain": { type: kind("domain", checkDomain), default: "lxd", live: true, description: "Domain that the instances' names belong to" },
  "dns.mode": {
    type: { kind: "enum", values: ["managed", "dynamic", "none"] }, default: "managed", live: true,
    description: "Names in DNS: `managed` as the instances are called, `dynamic` as they call themselves, `none` for no names",
  },
  "dns.search": { type: kind("domains", checkSearch), default: "dns.domain", live: true, description: "Search domains that DHCP tells, separated by commas" },
  "raw.dnsmasq": { type: { kind: "text" }, live: true, description: "More lines for this network's own dnsmasq configuration file" },
  "volatile.*": { type: { kind: "string" }, readonly: true, description: "What the server remembers about the network" },
  "user.*": { type: { kind: "text" }, description: "Whatever you like to note" },
};
