// What uses a network.
import type { DeviceMap } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { expandInstance } from "../instances/expanded.ts";
import { instanceUrl } from "../instances/view.ts";
import { urlIn } from "../projects/url.ts";

function refersTo(devices: DeviceMap, network: string): boolean {
  return Object.values(devices).some((device) => device["type"] === "nic" && (device["network"] === network || device["parent"] === network));
}

/** URLs of the instances and profiles whose nics are on it. */
export function usersOfNetwork(ctx: Context, network: string): string[] {
  const instances = ctx.instances.list().filter((instance) => refersTo(expandInstance(ctx, instance).devices, network));
  const profiles = ctx.profiles.list().filter((profile) => refersTo(profile.devices, network));
  return [...instances.map((instance) => instanceUrl(instance)), ...profiles.map(({ project, name }) => urlIn(project, `/1.0/profiles/${name}`))];
}
