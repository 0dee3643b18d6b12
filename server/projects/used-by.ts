// What is in a project.
import { projectFeatures } from "../api/config-keys/project.ts";
import type { Context } from "../context.ts";
import { instanceUrl } from "../instances/view.ts";
import { instancesIn } from "./check.ts";
import { defaultProject } from "./store.ts";
import { urlIn } from "./url.ts";

/** URLs of the instances, images, profiles and networks of a project, not of those that it has from the default one. */
export function usersOfProject(ctx: Context, project: string): string[] {
  const own = new Set(projectFeatures.filter((feature) => ctx.projects.owner(project, feature) === project));
  return [
    ...instancesIn(ctx, project).map((instance) => instanceUrl(instance)),
    ...(own.has("images") ? ctx.images.store.list(project) : []).map(({ fingerprint }) => urlIn(project, `/1.0/images/${fingerprint}`)),
    ...(own.has("profiles") ? ctx.profiles.list(project) : []).map(({ name }) => urlIn(project, `/1.0/profiles/${name}`)),
    ...(project === defaultProject ? ctx.networks.list() : []).map(({ name }) => `/1.0/networks/${name}`),
  ];
}

/** What keeps a project from being empty: all but the default profile, which goes with it. */
export function contentOf(ctx: Context, project: string): string[] {
  return usersOfProject(ctx, project).filter((url) => url !== urlIn(project, "/1.0/profiles/default"));
}
