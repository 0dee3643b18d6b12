// An instance with what its profiles bring.
import { fail } from "../api/errors.ts";
import type { Context } from "../context.ts";
import type { DeviceWorld } from "../devices/device.ts";
import { defaultProject } from "../projects/store.ts";
import { expand, type Layer } from "./config.ts";
import type { InstanceRecord } from "./store.ts";

/** The configuration and devices that hold for an instance. */
export function expandInstance(ctx: Context, instance: Pick<InstanceRecord, "project" | "profiles" | "config" | "devices">): Layer {
  const profiles = instance.profiles.flatMap((name) => ctx.profiles.find(instance.project, name) ?? []);
  return expand(profiles, instance);
}

/** Throws `duplicate_profile`, or `requested_profile_not_found` for the first that does not exist. */
export function assertProfiles(ctx: Context, project: string, names: readonly string[]): void {
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) !== i) throw fail("duplicate_profile", { name });
    if (!ctx.profiles.find(project, name)) throw fail("requested_profile_not_found", { name });
  }
}

/** What devices of instances and profiles in a project may refer to. */
export function deviceWorld(ctx: Context, project: string): DeviceWorld {
  const network = (name: string) => (ctx.projects.owner(project, "networks") === defaultProject ? ctx.networks.find(name) : undefined);
  return { hasNetwork: (name) => network(name) !== undefined, hasPool: (name) => ctx.pools.has(name), networkConfig: (name) => network(name)?.config };
}
