// Changing a profile, and bringing the change to all instances that use it.
import { fail } from "../api/errors.ts";
import type { Context } from "../context.ts";
import { checkDevices, findRootDisk } from "../devices/check.ts";
import type { Requestor } from "../api/events.ts";
import { applyInstance } from "../instances/apply.ts";
import { expand, type Layer } from "../instances/config.ts";
import { findReferences } from "../instances/devices.ts";
import { deviceWorld, expandInstance } from "../instances/expanded.ts";
import { type InstanceRecord, systemNameOf } from "../instances/store.ts";
import { instanceUrl } from "../instances/view.ts";
import { assertUsersFit } from "../projects/check.ts";
import type { ProfileRecord } from "./store.ts";

/** The instances that use a profile, in all projects that have it. */
export function usersOf(ctx: Context, profile: Pick<ProfileRecord, "project" | "name">): InstanceRecord[] {
  const projects = ctx.projects.usersOf(profile.project, "profiles");
  return projects.flatMap((project) => ctx.instances.list(project)).filter((instance) => instance.profiles.includes(profile.name));
}

/** What holds for an instance when a profile is as given. */
function expandWith(ctx: Context, instance: InstanceRecord, profile: Layer & { name: string }): Layer {
  return expand(instance.profiles.flatMap((name) => (name === profile.name ? profile : (ctx.profiles.find(instance.project, name) ?? []))), instance);
}

/** Throws when an instance could not be as it would have to be: it loses its root disk, say. Nothing has changed then. */
function assertFits(ctx: Context, profile: ProfileRecord): void {
  const users = usersOf(ctx, profile).map((instance) => ({ instance, devices: expandWith(ctx, instance, profile).devices }));
  for (const { instance, devices } of users) {
    if (findRootDisk(devices)?.pool !== instance.pool) throw fail("bad_request", { reason: "At least one instance relies on this profile's root disk device" });
    checkDevices(devices, deviceWorld(ctx, instance.project));
  }
  assertUsersFit(ctx, profile);
  for (const { instance, devices } of users) findReferences(ctx, instance.project, devices, expandInstance(ctx, instance).devices);
}

const canonical = ({ config, devices }: Layer) =>
  JSON.stringify([Object.entries(config).sort(), Object.entries(devices).sort().map(([name, options]) => [name, Object.entries(options).sort()])]);

/**
 * Saves a checked profile and brings it to its instances, each under its lock. As in LXD the profile stays changed when some
 * cannot follow, and the others have it: to take it back from many running guests could fail just as well.
 * Throws `profile_update_incomplete`, which names those that did not follow.
 */
export async function changeProfile(ctx: Context, before: ProfileRecord, next: ProfileRecord, requestor: Requestor): Promise<void> {
  assertFits(ctx, next);
  ctx.profiles.save(next);
  const users = usersOf(ctx, next);
  const results = await Promise.allSettled(users.map((user) => ctx.locks.run(systemNameOf(user), () => follow(ctx, user, before, requestor))));
  const failures = results.flatMap((result, i) => {
    const { project, name } = users[i] as InstanceRecord;
    return result.status === "rejected" ? [` - Project: ${project}, Instance: ${name}: ${(result.reason as Error).message}\n`] : [];
  });
  if (failures.length > 0) throw fail("profile_update_incomplete", { failures: failures.join("") });
}

async function follow(ctx: Context, { project, name }: InstanceRecord, before: ProfileRecord, requestor: Requestor): Promise<void> {
  const instance = ctx.instances.find(project, name);
  if (instance?.phase !== "ready" || !instance.profiles.includes(before.name)) return; // it went another way meanwhile
  const had = ctx.runtime.get(systemNameOf(instance))?.held ?? expandWith(ctx, instance, before);
  if (canonical(had) === canonical(expandInstance(ctx, instance))) return;
  await applyInstance(ctx, instance, had, () => ctx.instances.save(instance));
  ctx.events.lifecycle({ action: "instance-updated", source: instanceUrl(instance), requestor }, project);
}
