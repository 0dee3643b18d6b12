// The leases of a network, as far as they concern a project.
import type { NetworkLease } from "../api/networks.ts";
import type { Context } from "../context.ts";
import { expandInstance } from "../instances/expanded.ts";
import { defaultProject } from "../projects/store.ts";

/** The gateways' and those of the project's instances; what belongs to no instance is the default project's. */
export function leasesIn(ctx: Context, network: string, project: string): NetworkLease[] {
  const owners = new Map<string, string>();
  for (const instance of ctx.instances.list()) {
    for (const [name, device] of Object.entries(expandInstance(ctx, instance).devices)) {
      const mac = device["hwaddr"] || instance.config[`volatile.${name}.hwaddr`];
      if (device["type"] === "nic" && mac) owners.set(mac.toLowerCase(), instance.project);
    }
  }
  return ctx.networks.leases(network).filter(({ type, hwaddr }) => type === "gateway" || (owners.get(hwaddr.toLowerCase()) ?? defaultProject) === project);
}
