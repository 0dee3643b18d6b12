// What is wrong with a nic beyond its options' types. LXD's own sentences where it has them.
import { parseCidr, parseIp } from "../../api/config-keys/ip.ts";
import { isTrue } from "../../api/config-keys/key.ts";
import type { Config, DeviceMap } from "../../api/schemas.ts";
import { holds } from "../../../networks/addresses/subnet.ts";
import type { DeviceWorld } from "../device.ts";
import { hasOption, kindOf, kinds, type NicKind } from "./kinds.ts";
import { listOf } from "./options.ts";
import { parseVlans } from "./vlan-ids.ts";

const families = [4, 6] as const;

/** Its reason alone; undefined when nothing is wrong. Pure. */
export function nicFault(options: Config, world: DeviceWorld): string | undefined {
  const { network, nictype } = options;
  if (!network && !nictype) return 'it needs "network" or "nictype"';
  const banned = network ? ["nictype", "parent", "mtu"].find((key) => options[key]) : undefined;
  if (banned) return `Cannot use "${banned}" property in conjunction with "network" property`;
  if (network && !world.hasNetwork(network)) return `network "${network}" was not found`;
  const kind = kindOf(options);
  if (!kind) return `nictype "${nictype}" is not supported by Berth (there are: ${kinds.join(", ")})`;
  const foreign = Object.keys(options).find((option) => !hasOption(kind, option));
  if (foreign) return `"${foreign}" is not an option of a nic of type "${kind}"`;
  return parentFault(kind, options) ?? vlanFault(kind, options) ?? (kind === "bridged" ? bridgedFault(options, world) : kind === "routed" ? routedFault(options) : undefined);
}

function parentFault(kind: NicKind, options: Config): string | undefined {
  const { network, parent, vlan } = options;
  if (["bridged", "macvlan", "physical"].includes(kind) && !network && !parent) return `a ${kind} nic needs "parent"`;
  if (vlan && !network && !parent) return "The vlan setting can only be used when combined with a parent interface";
  return undefined;
}

function vlanFault(kind: NicKind, options: Config): string | undefined {
  const { parent = "", vlan } = options;
  const tagged = options["vlan.tagged"];
  if (kind !== "bridged") {
    if (vlan === "none") return 'only a bridged nic can have "none" for "vlan"';
    return vlan && `${parent}.${vlan}`.length > 15 ? `the VLAN's interface "${parent}.${vlan}" would have a name of more than 15 letters` : undefined;
  }
  const both = vlan && (tagged ? parseVlans(tagged) : undefined)?.some(([first, last]) => first <= Number(vlan) && Number(vlan) <= last);
  if (both) return `Tagged VLAN ID "${vlan}" cannot be the same as untagged VLAN ID`;
  const filtered = families.some((family) => isTrue(options[`security.ipv${family}_filtering`]));
  return filtered && (vlan || tagged) ? "IP filtering cannot be used with VLAN filtering" : undefined;
}

function bridgedFault(options: Config, world: DeviceWorld): string | undefined {
  const name = options["network"] || options["parent"] || "";
  const managed = world.hasNetwork(name);
  const config = managed ? world.networkConfig?.(name) : undefined;
  for (const family of families) {
    const address = options[`ipv${family}.address`];
    const filtered = isTrue(options[`security.ipv${family}_filtering`]);
    if (address === "none" && !filtered) return `Cannot have ipv${family}.address as none unless using security.ipv${family}_filtering`;
    if (!managed && filtered && !address) return `IPv${family} filtering requires a manually specified ipv${family}.address when using an unmanaged parent bridge`;
    if (!managed && !filtered && address) return `Cannot use manually specified ipv${family}.address when using unmanaged parent bridge`;
    if (address?.includes(",")) return `"${address}" for "ipv${family}.address": a bridged nic has one address`;
    const reason = address && address !== "none" && config ? addressFault(family, address, filtered, name, config) : undefined;
    if (reason) return reason;
  }
  return undefined;
}

/** A reserved address lies in the network's subnet, and DHCP gives it. */
function addressFault(family: 4 | 6, address: string, filtered: boolean, network: string, config: Config): string | undefined {
  const own = parseCidr(config[`ipv${family}.address`] ?? "");
  const ip = parseIp(address);
  if (own && ip && !holds(own, ip)) return `Device IP address "${address}" not within network "${network}" subnet`;
  if (own && ip?.value === own.value) return `IP address "${address}" is assigned to parent managed network device "${network}"`;
  const enabled = own && (config[`ipv${family}.dhcp`] === undefined || isTrue(config[`ipv${family}.dhcp`])) && (family === 4 || isTrue(config["ipv6.dhcp.stateful"]));
  if (!enabled && !filtered) {
    const off = family === 4 ? "DHCP is disabled" : 'DHCP or "ipv6.dhcp.stateful" are disabled';
    return `Cannot specify "ipv${family}.address" when ${off} (unless using security.ipv${family}_filtering) on network "${network}"`;
  }
  return undefined;
}

function routedFault(options: Config): string | undefined {
  for (const family of families) {
    const addresses = listOf(options[`ipv${family}.address`]);
    if (addresses.includes("none")) return `a routed nic cannot have "none" for "ipv${family}.address"`;
    const twice = addresses.find((address, index) => addresses.indexOf(address) !== index);
    if (twice) return `Duplicate address "${twice}" in "ipv${family}.address"`;
    if (options[`ipv${family}.routes`] && addresses.length === 0) return `ipv${family}.routes requires ipv${family}.address to be set`;
  }
  return undefined;
}

/** What two nics of one instance cannot both have. Pure. */
export function nicClash(name: string, options: Config, devices: DeviceMap): string | undefined {
  for (const [other, theirs] of Object.entries(devices)) {
    if (other === name || theirs["type"] !== "nic") continue;
    if (options["name"] && options["name"] === theirs["name"]) return `Duplicate NIC name detected "${options["name"]}"`;
    if (options["host_name"] && options["host_name"] === theirs["host_name"]) return `its host_name is that of "${other}" too`;
    if (options["nictype"] === "physical" && theirs["nictype"] === "physical" && options["parent"] === theirs["parent"] && options["vlan"] === theirs["vlan"]) {
      return `its parent is that of "${other}" too, and a physical nic has it for itself`;
    }
    const auto = options["nictype"] === "routed" && theirs["nictype"] === "routed" ? families.find((family) => isAutomatic(options, family) && isAutomatic(theirs, family)) : undefined;
    if (auto) return `Existing NIC "${other}" already uses "ipv${auto}.gateway" in auto mode`;
  }
  return undefined;
}

/** Whether it brings the guest's default route of a family. */
function isAutomatic(options: Config, family: 4 | 6): boolean {
  return (options[`ipv${family}.gateway`] ?? "auto") === "auto" && listOf(options[`ipv${family}.address`]).length > 0;
}
