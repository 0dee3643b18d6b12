// A bridge's configuration as typed values: the one reading that all the renderers share.
import type { Cidr, Family } from "../server/api/config-keys/ip.ts";
import { formatIp } from "../server/api/config-keys/ip.ts";
import { isTrue } from "../server/api/config-keys/key.ts";
import { fail } from "../server/api/errors.ts";
import type { Config } from "../server/api/schemas.ts";
import { holds, leasableRange, readCidr, readIp, subnetOf } from "./addresses/subnet.ts";
import { assertNetworkName } from "./name.ts";

export interface FamilySettings {
  readonly family: Family;
  readonly cidr: Cidr;
  /** The bridge's own address, without prefix. */
  readonly address: string;
  /** With prefix: `10.1.2.0/24`. */
  readonly subnet: string;
  readonly dhcp: boolean;
  readonly expiry: string;
  readonly ranges: readonly (readonly [string, string])[];
  readonly stateful: boolean;
  readonly firewall: boolean;
  readonly nat: boolean;
  readonly natAddress: string | undefined;
  readonly natOrder: "before" | "after";
  readonly routes: readonly string[];
  readonly routing: boolean;
}

export interface BridgeSettings {
  readonly name: string;
  readonly mtu: number;
  readonly hwaddr: string | undefined;
  readonly ipv4: FamilySettings | undefined;
  readonly ipv6: FamilySettings | undefined;
  /** The gateway that DHCP tells when it is not the bridge. */
  readonly dhcpGateway: string | undefined;
  readonly domain: string;
  readonly dnsMode: "managed" | "dynamic" | "none";
  readonly search: readonly string[];
  readonly raw: string;
}

const list = (value: string | undefined): string[] => (value ? value.split(",").map((item) => item.trim()) : []);
const isTrueOrUnset = (value: string | undefined): boolean => !value || isTrue(value);

function readRanges(family: Family, config: Config, cidr: Cidr): [string, string][] {
  const key = `ipv${family}.dhcp.ranges`;
  return list(config[key]).map((range) => {
    const [first, last] = range.split("-").map((part) => readIp(part.trim()));
    if (!first || !last || !holds(cidr, first) || !holds(cidr, last)) {
      throw fail("invalid_config_value", { key, reason: `the range ${range} is not inside ${subnetOf(cidr)}` });
    }
    return [formatIp(first), formatIp(last)];
  });
}

function readFamily(family: Family, config: Config): FamilySettings | undefined {
  const get = (key: string): string | undefined => config[`ipv${family}.${key}`] || undefined;
  const gateway = get("address");
  if (!gateway || gateway === "none") return undefined;
  if (gateway === "auto") throw new Error(`ipv${family}.address is still "auto": resolveConfig comes first`);
  const cidr = readCidr(gateway);
  const natAddress = get("nat.address");
  const ranges = readRanges(family, config, cidr);
  return {
    family, cidr, address: formatIp(cidr), subnet: subnetOf(cidr),
    dhcp: isTrueOrUnset(get("dhcp")),
    expiry: get("dhcp.expiry") ?? "1h",
    ranges: ranges.length > 0 ? ranges : [leasableRange(cidr)],
    stateful: isTrue(get("dhcp.stateful")),
    firewall: isTrueOrUnset(get("firewall")),
    nat: isTrue(get("nat")),
    natAddress: natAddress && formatIp(readIp(natAddress)),
    natOrder: get("nat.order") === "after" ? "after" : "before",
    routes: list(get("routes")).map((route) => subnetOf(readCidr(route))),
    routing: isTrueOrUnset(get("routing")),
  };
}

/**
 * Reads a configuration whose values passed `bridgeKeys` and whose addresses are resolved.
 * Throws `invalid_name`, and `invalid_config_value` when two keys contradict each other.
 */
export function readSettings(name: string, config: Config): BridgeSettings {
  assertNetworkName(name);
  const mode = config["dns.mode"];
  return {
    name,
    mtu: Number(config["bridge.mtu"] || 1500),
    hwaddr: config["bridge.hwaddr"]?.toLowerCase() || undefined,
    ipv4: readFamily(4, config),
    ipv6: readFamily(6, config),
    dhcpGateway: config["ipv4.dhcp.gateway"] || undefined,
    domain: config["dns.domain"] || "lxd",
    dnsMode: mode === "dynamic" || mode === "none" ? mode : "managed",
    search: list(config["dns.search"]),
    raw: config["raw.dnsmasq"] ?? "",
  };
}
