// Making projects, and changing, renaming and deleting them.
import { checkConfig, isTrue } from "../api/config-keys/key.ts";
import { projectFeatures, projectKeys } from "../api/config-keys/project.ts";
import { fail } from "../api/errors.ts";
import type { ProjectPut, ProjectsPost } from "../api/projects.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { assertContentFits } from "./check.ts";
import { checkProjectName } from "./name.ts";
import { defaultProject, type ProjectRecord } from "./store.ts";
import { contentOf } from "./used-by.ts";

/** Checks the keys. A restricted project needs profiles of its own: nothing checks others' against its restrictions. */
function checkProjectConfig(config: Config): Config {
  const checked = checkConfig(projectKeys, config);
  if (isTrue(checked["restricted"]) && !isTrue(checked["features.profiles"])) throw fail("project_needs_profiles");
  return checked;
}

/** What a project has of its own unless it is told otherwise. */
const usualFeatures: Config = { "features.images": "true", "features.profiles": "true", "features.storage.volumes": "true" };

/** Makes a project, with an empty default profile, or one that holds `profile`. Throws `project_exists` and what is wrong with the wish. */
export function createProject(ctx: Context, post: ProjectsPost, profile: { config: Config; devices: DeviceMap } = { config: {}, devices: {} }): void {
  checkProjectName(post.name);
  const config = checkProjectConfig({ ...usualFeatures, ...post.config });
  if (ctx.projects.find(post.name)) throw fail("project_exists", { name: post.name });
  ctx.projects.insert({ name: post.name, description: post.description ?? "", config }, () => {
    if (isTrue(config["features.profiles"])) insertDefaultProfile(ctx, post.name, profile);
  });
}

function insertDefaultProfile(ctx: Context, project: string, { config, devices }: { config: Config; devices: DeviceMap }): void {
  ctx.profiles.insert({ project, name: "default", description: `Default Berth profile for project ${project}`, config, devices });
}

/** Replaces a project's configuration, or a part of it. Throws what of its content does not fit. */
export function changeProject(ctx: Context, name: string, put: ProjectPut, patch: boolean): void {
  const before = ctx.projects.get(name);
  const config = checkProjectConfig(patch ? { ...before.config, ...put.config } : (put.config ?? {}));
  const next = { name, description: put.description ?? (patch ? before.description : ""), config };
  assertFeaturesKept(ctx, before, next);
  assertContentFits(ctx, next);
  const [had, has] = [before, next].map((one) => isTrue(one.config["features.profiles"]));
  const outdated = had && !has ? ctx.profiles.list(name) : [];
  ctx.projects.save(next, {
    also: () => {
      for (const profile of outdated) ctx.profiles.remove(profile);
      if (!had && has) insertDefaultProfile(ctx, name, { config: {}, devices: {} });
    },
  });
}

/** Throws `project_features_fixed` when a project would have other things of its own while there is something in it. */
function assertFeaturesKept(ctx: Context, before: ProjectRecord, next: ProjectRecord): void {
  const changed = projectFeatures.map((one) => `features.${one}`).find((key) => isTrue(before.config[key]) !== isTrue(next.config[key]));
  if (changed === undefined) return;
  if (before.name === defaultProject) throw fail("project_features_fixed", { reason: "You can't change the features of the default project" });
  if (contentOf(ctx, before.name).length === 0) return;
  const what = isTrue(before.config[changed]) ? "disabled" : "enabled";
  throw fail("project_features_fixed", { reason: `Project feature "${changed}" cannot be ${what} on non-empty projects` });
}

/** Throws `project_default_fixed` or `project_not_empty`. */
function assertEmpty(ctx: Context, { name }: ProjectRecord, what: "renamed" | "removed"): void {
  const held = contentOf(ctx, name);
  if (held.length > 0) throw fail("project_not_empty", { what, name, held: held.slice(0, 5).join(", ") + (held.length > 5 ? ", …" : "") });
}

/** Gives an empty project another name. */
export function renameProject(ctx: Context, name: string, newName: string): void {
  const project = ctx.projects.get(name);
  if (ctx.projects.find(newName)) throw fail("project_exists", { name: newName });
  assertEmpty(ctx, project, "renamed");
  checkProjectName(newName);
  ctx.projects.save(project, { as: newName });
}

/** Deletes an empty project, with its default profile. */
export function deleteProject(ctx: Context, name: string): void {
  if (name === defaultProject) throw fail("project_default_fixed", { what: "deleted" });
  const project = ctx.projects.get(name);
  assertEmpty(ctx, project, "removed");
  ctx.projects.remove(name);
}
