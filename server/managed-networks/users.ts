// What uses a network.
import type { DeviceMap } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { expandInstance } from "../instances/expanded.ts";

function refersTo(devices: DeviceMap, network: string): boolean {
  return Object.values(devices).some((device) => device["type"] === "nic" && (device["network"] === network || device["parent"] === network));
}

/** URLs of the instances and profiles whose nics are on it. */
export function usersOfNetwork(ctx: Context, network: string): string[] {
  const instances = ctx.instances.list().filter((instance) => refersTo(expandInstance(ctx, instance).devices, network));
  const profiles = ctx.profiles.list().filter((profile) => refersTo(profile.devices, network));
  return [...instances.map(({ name }) => `/1.0/instances/${name}`), ...profiles.map(({ name }) => `/1.0/profiles/${name}`)];
}
