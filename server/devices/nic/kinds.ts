// The kinds of nics there are, and the options of each.
import type { Config } from "../../api/schemas.ts";

const common = ["type", "name", "hwaddr", "mtu", "boot.priority"];
const limits = ["limits.ingress", "limits.egress", "limits.max"];
const parent = ["nictype", "parent", "vlan", "gvrp"];
const perFamily = (...names: string[]): string[] => names.flatMap((name) => [`ipv4.${name}`, `ipv6.${name}`]);

const options = {
  bridged: [
    ...common, "nictype", "network", "parent", "host_name", ...limits, ...perFamily("address", "routes"), "vlan", "vlan.tagged",
    "security.mac_filtering", "security.ipv4_filtering", "security.ipv6_filtering", "security.port_isolation",
  ],
  macvlan: [...common, ...parent],
  p2p: [...common, "nictype", "host_name", ...limits, ...perFamily("routes")],
  physical: [...common, ...parent],
  routed: [...common, ...parent, "host_name", ...limits, ...perFamily("address", "gateway", "host_address", "host_table", "neighbor_probe", "routes")],
} as const;

export type NicKind = keyof typeof options;
export const kinds = Object.keys(options) as NicKind[];

/** The kind that a nic's options make it: of its network (all managed networks are bridges), or as its nictype says. */
export function kindOf(config: Config): NicKind | undefined {
  const name = config["network"] ? "bridged" : config["nictype"];
  return kinds.find((kind) => kind === name);
}

/** Whether a kind of nic has an option. */
export function hasOption(kind: NicKind, option: string): boolean {
  return option.startsWith("user.") || (options[kind] as readonly string[]).includes(option);
}
