// Whether an instance, a profile or a project's own configuration may be as somebody wants it. Everything that makes or
// changes an instance comes here, whichever way it came: what its project limits or forbids is checked nowhere else.
import { isTrue } from "../api/config-keys/key.ts";
import { fail } from "../api/errors.ts";
import type { Context } from "../context.ts";
import { expand, type Layer } from "../instances/config.ts";
import { expandInstance } from "../instances/expanded.ts";
import { type InstanceRecord, phases } from "../instances/store.ts";
import { assertLimitsFit, assertWithinLimits, hasLimits, type Member } from "./limits.ts";
import { asConflict, assertUnrestricted, blocks } from "./restrictions.ts";
import type { ProjectRecord } from "./store.ts";

type Wanted = Pick<InstanceRecord, "project" | "name" | "config" | "devices" | "profiles"> & { id?: number };

/** All instances of a project, also those that are only being made. */
export function instancesIn(ctx: Context, project: string): InstanceRecord[] {
  return phases.flatMap((phase) => ctx.instances.list(project, phase));
}

/** Whether there is anything to check: most projects neither limit nor forbid. */
function isWatched(project: ProjectRecord): boolean {
  return hasLimits(project) || isTrue(project.config["restricted"]);
}

/** Throws `project_limit` or `project_restricted` when an instance may not be in its project as given. */
export function assertFitsProject(ctx: Context, wanted: Wanted): void {
  const project = ctx.projects.get(wanted.project);
  if (!isWatched(project)) return;
  const member: Member = { name: wanted.name, ...expandInstance(ctx, wanted) };
  if (hasLimits(project)) {
    const others = instancesIn(ctx, project.name).filter(({ id }) => id !== wanted.id);
    assertWithinLimits(project, [...others.map((one) => ({ name: one.name, ...expandInstance(ctx, one) })), member]);
  }
  assertMayBe(project, member);
}

/** Throws `project_restricted`. */
function assertMayBe(project: ProjectRecord, member: Member): void {
  if (isTrue(project.config["restricted"])) assertUnrestricted(project, { kind: "container", ...member });
}

/** Throws `project_restricted` when an instance may not run: it came to be what it is while its project was being restricted. */
export function assertMayRun(ctx: Context, { project, name }: Pick<InstanceRecord, "project" | "name">, expanded: Layer): void {
  assertMayBe(ctx.projects.get(project), { name, ...expanded });
}

/** Throws `project_restricted` when a project forbids what a profile of its own holds. */
export function assertProfileFits(ctx: Context, profile: Layer & { project: string; name: string }): void {
  const project = ctx.projects.get(profile.project);
  if (isTrue(project.config["restricted"])) assertUnrestricted(project, { kind: "profile", ...profile });
}

/** Throws `project_limit` or `project_restricted` when instances may not be what a changed profile would make of them. */
export function assertUsersFit(ctx: Context, profile: Layer & { project: string; name: string }): void {
  assertProfileFits(ctx, profile);
  for (const name of ctx.projects.usersOf(profile.project, "profiles")) {
    const project = ctx.projects.get(name);
    if (!isWatched(project)) continue;
    const layers = (instance: InstanceRecord) => instance.profiles.flatMap((one) => (one === profile.name ? profile : (ctx.profiles.find(name, one) ?? [])));
    const instances = instancesIn(ctx, name);
    const members = instances.map((instance) => ({ name: instance.name, ...expand(layers(instance), instance) }));
    assertWithinLimits(project, members);
    for (const [i, instance] of instances.entries()) {
      if (instance.profiles.includes(profile.name)) assertMayBe(project, members[i] as Member);
    }
  }
}

/** Throws `project_limit_low`, `project_limit` or `project_conflict` when what is in a project does not fit what it is to be. */
export function assertContentFits(ctx: Context, project: ProjectRecord): void {
  const members = instancesIn(ctx, project.name).map((one) => ({ name: one.name, ...expandInstance(ctx, one) }));
  assertLimitsFit(project, members);
  try {
    for (const member of members) assertMayBe(project, member);
    const profiles = isTrue(project.config["restricted"]) ? ctx.profiles.list(project.name) : [];
    for (const profile of profiles) assertUnrestricted(project, { kind: "profile", ...profile });
  } catch (error) {
    throw asConflict(error, project.name);
  }
}

export type Made = "snapshot" | "backup";

/** Whether snapshots or backups may be made of a project's instances. */
export function allowsMaking(ctx: Context, project: string, what: Made): boolean {
  return !blocks(ctx.projects.get(project), `restricted.${what}s`);
}

/** Throws `project_restricted`. */
export function assertMakingAllowed(ctx: Context, project: string, what: Made): void {
  if (!allowsMaking(ctx, project, what)) throw fail("project_restricted", { reason: `Project "${project}" doesn't allow for ${what} creation`, project, key: `restricted.${what}s` });
}
