// The arguments of a network's dnsmasq, in LXD's order.
import { readFileSync } from "node:fs";
import { unnamed } from "./hosts.ts";
import type { BridgeSettings, FamilySettings } from "../settings.ts";

/** Where a network's dnsmasq keeps its things; all below the network's own folder. */
export interface DnsmasqFiles {
  readonly leases: string;
  readonly hosts: string;
  /** Names of instances in projects. */
  readonly names: string;
  readonly raw: string;
  readonly pid: string;
  readonly log: string;
}

export function dnsmasqFiles(dir: string): DnsmasqFiles {
  return {
    leases: `${dir}/dnsmasq.leases`, hosts: `${dir}/dnsmasq.hosts`, names: `${dir}/dnsmasq.names`, raw: `${dir}/dnsmasq.raw`,
    pid: `${dir}/dnsmasq.pid`, log: `${dir}/dnsmasq.log`,
  };
}

/** The user and group that dnsmasq becomes. */
export interface Account {
  readonly user: string;
  readonly group: string;
}

function firstNamed(path: string, candidates: readonly string[]): string {
  const names = new Set(readFileSync(path, "utf8").split("\n").map((line) => line.split(":", 1)[0]));
  return candidates.find((name) => names.has(name)) ?? candidates[0] ?? "nobody";
}

/** An account without rights that this machine has. */
export function findAccount(): Account {
  return { user: firstNamed("/etc/passwd", ["nobody", "dnsmasq"]), group: firstNamed("/etc/group", ["nogroup", "nobody"]) };
}

function renderDhcp(files: DnsmasqFiles): string[] {
  return ["--dhcp-no-override", "--dhcp-authoritative", `--dhcp-leasefile=${files.leases}`, `--dhcp-hostsfile=${files.hosts}`];
}

function renderIpv4(settings: BridgeSettings, ipv4: FamilySettings, files: DnsmasqFiles): string[] {
  const args = [`--listen-address=${ipv4.address}`];
  if (!ipv4.dhcp) return args;
  args.push(...renderDhcp(files));
  if (settings.dhcpGateway) args.push(`--dhcp-option-force=3,${settings.dhcpGateway}`);
  if (settings.mtu !== 1500) args.push(`--dhcp-option-force=26,${settings.mtu}`);
  if (settings.search.length > 0) args.push(`--dhcp-option-force=119,${settings.search.join(",")}`);
  for (const [first, last] of ipv4.ranges) args.push("--dhcp-range", `${first},${last},${ipv4.expiry}`);
  return args;
}

function renderIpv6(settings: BridgeSettings, ipv6: FamilySettings, files: DnsmasqFiles): string[] {
  const args = [`--listen-address=${ipv6.address}`, "--enable-ra"];
  if (!ipv6.dhcp) return [...args, "--dhcp-range", `::,constructor:${settings.name},ra-only`];
  if (!settings.ipv4?.dhcp) args.push(...renderDhcp(files));
  if (!ipv6.stateful) return [...args, "--dhcp-range", `::,constructor:${settings.name},ra-stateless,ra-names`];
  for (const [first, last] of ipv6.ranges) args.push("--dhcp-range", `${first},${last},${ipv6.cidr.prefix},${ipv6.expiry}`);
  return args;
}

/** Whether a network needs a dnsmasq at all. */
export function needsDnsmasq(settings: BridgeSettings): boolean {
  return settings.ipv4 !== undefined || settings.ipv6 !== undefined;
}

/** The arguments; their log goes to standard error. */
export function renderArgs(settings: BridgeSettings, files: DnsmasqFiles, account: Account): string[] {
  const { name, domain, ipv4, ipv6 } = settings;
  return [
    "--keep-in-foreground", "--strict-order", "--bind-interfaces", "--except-interface=lo", "--pid-file=", "--no-ping",
    `--interface=${name}`, "--dhcp-rapid-commit", "--quiet-dhcp", "--quiet-dhcp6", "--quiet-ra",
    ...(ipv4 ? renderIpv4(settings, ipv4, files) : []),
    ...(ipv6 ? renderIpv6(settings, ipv6, files) : []),
    ...(settings.dnsMode === "none" ? [] : ["-s", domain, "--interface-name", `_gateway.${domain},${name}`, "-S", `/${domain}/`]),
    ...(settings.dnsMode === "managed" ? [`--addn-hosts=${files.names}`, `--dhcp-ignore-names=tag:${unnamed}`] : []),
    `--conf-file=${files.raw}`, "-u", account.user, "-g", account.group,
    "--log-facility=-",
  ];
}
