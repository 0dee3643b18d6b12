// Settles the addresses of a network's configuration: makes up those that are left to us, and refuses
// those that the machine already uses for something else.
import { type Family, parseCidr } from "../server/api/config-keys/ip.ts";
import { fail } from "../server/api/errors.ts";
import type { Config } from "../server/api/schemas.ts";
import type { Run } from "../server/host/run.ts";
import { log } from "../server/log.ts";
import { pickFreeSubnet4, pickFreeSubnet6, type Random } from "./addresses/pick.ts";
import { subnetOf } from "./addresses/subnet.ts";
import { findConflict, type TakenSubnet, takenSubnets } from "./addresses/taken.ts";
import { hasIpv6 } from "./bridge/sysctl.ts";
import { readSettings } from "./settings.ts";

export interface NetworkHost {
  readonly run: Run;
  /** Decides made-up subnets; Math.random when absent. */
  readonly random?: Random;
  /** Subnets promised to others that need not be up, such as networks that failed to start. */
  readonly reserved?: readonly TakenSubnet[];
}

function settleFamily(family: Family, config: Config, name: string, taken: TakenSubnet[], random: Random): void {
  const key = `ipv${family}.address`;
  const value = config[key] ?? "";
  if (value === "auto") {
    const pick = family === 4 ? pickFreeSubnet4 : pickFreeSubnet6;
    config[key] = pick(taken.map(({ subnet }) => subnet), random);
    return;
  }
  const cidr = parseCidr(value);
  const conflict = cidr && findConflict(cidr, taken.filter((entry) => entry.interface !== name));
  if (cidr && conflict) {
    throw fail("subnet_taken", { subnet: subnetOf(cidr), with: `${conflict.subnet}, which ${conflict.interface} has` });
  }
}

/**
 * The configuration to keep and to start from. `creating` (the default) gives LXD's defaults to what is not
 * set: an automatic address of each family, with NAT; a change leaves what is not set without.
 * Throws `subnet_taken`, `no_free_subnet`, `invalid_name`, `invalid_config_value`, `tool_failed`, `tool_missing`.
 */
export async function resolveConfig(config: Config, name: string, host: NetworkHost, { creating = true } = {}): Promise<Config> {
  const settled = { ...config };
  for (const family of [4, 6] as const) {
    const key = `ipv${family}.address`;
    if (creating && !settled[key]) {
      settled[key] = family === 6 && !hasIpv6() ? "none" : "auto";
      if (settled[key] === "none") log.warn("this kernel has no IPv6: the network gets none", { network: name });
    }
    if (settled[key] === "auto" && !settled[`ipv${family}.nat`]) settled[`ipv${family}.nat`] = "true";
  }
  const addressed = [4, 6].some((family) => !["", "none"].includes(settled[`ipv${family}.address`] ?? ""));
  const taken = addressed ? [...(await takenSubnets(host.run)), ...(host.reserved ?? [])] : [];
  for (const family of [4, 6] as const) settleFamily(family, settled, name, taken, host.random ?? Math.random);
  readSettings(name, settled); // whether the keys agree with each other
  return settled;
}
