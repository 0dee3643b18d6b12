// The interfaces of this machine as the kernel shows them in files: no program is started to ask.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { NetworkState } from "../server/api/networks.ts";
import { fail } from "../server/api/errors.ts";
import { formatIp, parseIp } from "../server/api/config-keys/ip.ts";
import { holds } from "./addresses/subnet.ts";

export interface HostInterface {
  readonly name: string;
  readonly type: "bridge" | "physical" | "loopback" | "vlan" | "bond" | "unknown";
}

const sys = (name: string, file: string): string => `/sys/class/net/${name}/${file}`;

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

const readNumber = (path: string): number => Number(readText(path)) || 0;
const flagsOf = (name: string): number => Number(readText(sys(name, "flags"))) || 0;
const loopback = 0x8;

function typeOf(name: string): HostInterface["type"] {
  if (flagsOf(name) & loopback) return "loopback";
  if (existsSync(sys(name, "bridge"))) return "bridge";
  if (existsSync(`/proc/net/vlan/${name}`)) return "vlan";
  if (existsSync(sys(name, "bonding"))) return "bond";
  return existsSync(sys(name, "device")) ? "physical" : "unknown";
}

/** The machine's interfaces, sorted by name; the veth ends of instances are left out, as LXD does. */
export function listHostInterfaces(): HostInterface[] {
  return readdirSync("/sys/class/net").filter((name) => !name.startsWith("veth") && existsSync(sys(name, "ifindex")))
    .sort().map((name) => ({ name, type: typeOf(name) }));
}

type Address = NetworkState["addresses"][number];

function scopeOf(address: string): string {
  const ip = parseIp(address);
  if (!ip) return "global";
  if (ip.family === 4) return ip.value >> 24n === 127n ? "local" : ip.value >> 16n === 0xa9fen ? "link" : "global";
  return ip.value === 1n ? "local" : ip.value >> 118n === 0x3fan ? "link" : "global";
}

/** `/proc/net/route` writes addresses as numbers in the machine's byte order. */
function readLittle(hex: string): bigint {
  return Buffer.from(hex, "hex").reverse().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/**
 * IPv4 addresses of an interface that is up without anything attached, which Node does not list: the
 * machine's own addresses that lie in the subnets it reaches through this interface.
 */
function listQuietIpv4(name: string): Address[] {
  const subnets = readText("/proc/net/route").split("\n").slice(1).map((line) => line.split("\t"))
    .filter(([device, , gateway]) => device === name && gateway === "00000000")
    .map(([, destination = "", , , , , , mask = ""]) => ({
      family: 4 as const, value: readLittle(destination), prefix: readLittle(mask).toString(2).replaceAll("0", "").length,
    }));
  const own = new Set([...readText("/proc/net/fib_trie").matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)].map((match) => match[1] ?? ""));
  return [...own].flatMap((address) => {
    const ip = parseIp(address);
    const subnet = ip && subnets.find((candidate) => candidate.prefix > 0 && holds(candidate, ip));
    return subnet ? [{ family: "inet", address, netmask: String(subnet.prefix), scope: scopeOf(address) }] : [];
  });
}

function listIpv6(name: string): Address[] {
  return readText("/proc/net/if_inet6").split("\n").flatMap((line) => {
    const [hex, , prefix, , , device] = line.trim().split(/\s+/);
    if (device !== name || !hex) return [];
    const address = formatIp({ family: 6, value: BigInt(`0x${hex}`) });
    return [{ family: "inet6", address, netmask: String(Number.parseInt(prefix ?? "0", 16)), scope: scopeOf(address) }];
  });
}

function listAddresses(name: string): Address[] {
  const running = (networkInterfaces()[name] ?? []).filter(({ family }) => family === "IPv4").map(({ address, cidr }) => (
    { family: "inet", address, netmask: cidr?.split("/")[1] ?? "32", scope: scopeOf(address) }
  ));
  return [...(running.length > 0 ? running : listQuietIpv4(name)), ...listIpv6(name)];
}

function readBridge(name: string): NetworkState["bridge"] {
  const path = sys(name, "bridge");
  if (!existsSync(path)) return null;
  return {
    id: readText(`${path}/bridge_id`),
    stp: readNumber(`${path}/stp_state`) !== 0,
    forward_delay: readNumber(`${path}/forward_delay`),
    vlan_default: readNumber(`${path}/default_pvid`),
    vlan_filtering: readNumber(`${path}/vlan_filtering`) === 1,
    upper_devices: readdirSync(sys(name, "brif")).sort(),
  };
}

function kindOf(flags: number): string {
  if (flags & loopback) return "loopback";
  if (flags & 0x10) return "point-to-point";
  return flags & 0x2 ? "broadcast" : "unknown";
}

/** What an interface does at this moment. Throws `network_not_found` when there is none of that name. */
export function readNetworkState(name: string): NetworkState {
  if (name.includes("/") || name.startsWith(".") || !existsSync(sys(name, "ifindex"))) throw fail("network_not_found", { name });
  const flags = flagsOf(name);
  const counter = (file: string): number => readNumber(sys(name, `statistics/${file}`));
  return {
    addresses: listAddresses(name),
    counters: {
      bytes_received: counter("rx_bytes"), bytes_sent: counter("tx_bytes"),
      packets_received: counter("rx_packets"), packets_sent: counter("tx_packets"),
    },
    hwaddr: typeOf(name) === "loopback" ? "" : readText(sys(name, "address")),
    mtu: readNumber(sys(name, "mtu")),
    state: flags & 1 ? "up" : "down",
    type: kindOf(flags),
    bond: null,
    bridge: readBridge(name),
    vlan: null,
    ovn: null,
  };
}
