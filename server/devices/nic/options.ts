// The options of nics, of all kinds together; kinds.ts says which kind has which.
import type { Key, KeyTable } from "../../api/config-keys/key.ts";
import { checkIp, checkSubnets, type Family } from "../../api/config-keys/ip.ts";
import { checkRate } from "./bits.ts";
import { checkVlan, checkVlans } from "./vlan-ids.ts";

/** The items of a list written with commas. */
export const listOf = (value: string | undefined): string[] => (value ?? "").split(",").map((item) => item.trim()).filter((item) => item !== "");

const interfaceName = (value: string) =>
  (/^\w[\w.-]{0,14}$/.test(value) ? undefined : "it is no interface name (15 letters, digits and ._- at most)");
export const mac = (value: string) => {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(value)) return "it is no MAC address";
  return /^.[13579bdf]/i.test(value) ? "it is no address of one machine, but of a group (multicast)" : undefined;
};
const addresses = (family: Family) => (value: string) => {
  const wrong = value === "none" ? undefined : listOf(value).find((item) => checkIp(family, item) !== undefined);
  return wrong === undefined && listOf(value).length > 0 ? undefined : `it is no IPv${family} address`;
};

const checked = (name: string, check: (value: string) => string | undefined, description: string): Key => ({ type: { kind: "check", name, check }, description });
const live = (key: Key): Key => ({ ...key, live: true });
const bool = (description: string, fallback = "false"): Key => ({ type: { kind: "bool" }, description, default: fallback });

function familyOptions(family: Family): KeyTable {
  const ip = `ipv${family}`;
  return {
    [`${ip}.address`]: live(checked("address", addresses(family), "bridged: what DHCP gives it, or none with filtering; routed: its addresses, separated by commas")),
    [`${ip}.gateway`]: { type: { kind: "enum", values: ["auto", "none"] }, description: "routed: whether the guest's default route leads to the host", default: "auto" },
    [`${ip}.host_address`]: checked("address", (value) => checkIp(family, value), `routed: the host's address; ${family === 4 ? "169.254.0.1" : "fe80::1"} when absent`),
    [`${ip}.host_table`]: { type: { kind: "int", min: 1, max: 4294967295 }, description: "routed: another routing table for the routes to it" },
    [`${ip}.neighbor_probe`]: bool("routed: refuse addresses that answer on the parent's network already", "true"),
    [`${ip}.routes`]: live(checked("subnets", (value) => checkSubnets(family, value), "Subnets that the host routes to it, separated by commas")),
  };
}

export const nicOptions: KeyTable = {
  "boot.priority": { type: { kind: "int", min: 0 }, description: "Kept; containers boot from their root" },
  gvrp: bool("Announce the VLAN that is made for it by GVRP"),
  host_name: checked("interface name", interfaceName, "Of the host's end; made up when absent"),
  hwaddr: checked("MAC address", mac, "Made up, and kept, when absent"),
  ...familyOptions(4),
  ...familyOptions(6),
  "limits.egress": live(checked("rate", checkRate, "Most bits per second that the guest may send")),
  "limits.ingress": live(checked("rate", checkRate, "Most bits per second that it may receive")),
  "limits.max": live(checked("rate", checkRate, "Both at once")),
  mtu: { type: { kind: "int", min: 68, max: 65535 }, description: "The parent's when absent" },
  name: checked("interface name", interfaceName, "In the guest; eth0, eth1, … when absent"),
  network: { type: { kind: "string" }, description: "A managed network, in place of nictype and parent" },
  nictype: { type: { kind: "string" }, description: "bridged, macvlan, p2p, physical or routed" },
  parent: checked("interface name", interfaceName, "The host's interface"),
  "security.ipv4_filtering": live(bool("Let it send from its own IPv4 address alone")),
  "security.ipv6_filtering": live(bool("Let it send from its own IPv6 address alone")),
  "security.mac_filtering": live(bool("Let it send from its own MAC address alone")),
  "security.port_isolation": live(bool("Keep it from other isolated nics of its bridge")),
  vlan: checked("VLAN", checkVlan, "VLAN of its untagged traffic"),
  "vlan.tagged": checked("VLANs", checkVlans, "bridged: VLANs and ranges of them that it takes part in, separated by commas"),
};
