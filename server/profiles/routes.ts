// The profile endpoints.
import { fail } from "../api/errors.ts";
import type { Profile, ProfilePut, profileEndpoints } from "../api/profiles.ts";
import type { Caller } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import type { Call, Implementation } from "../http/implementation.ts";
import { checkOwnDevices } from "../devices/check.ts";
import { checkInstanceConfig } from "../instances/config.ts";
import { deviceWorld } from "../instances/expanded.ts";
import { instanceUrl } from "../instances/view.ts";
import { assertProfileFits } from "../projects/check.ts";
import { seenBy, urlIn } from "../projects/url.ts";
import type { ProfileRecord } from "./store.ts";
import { changeProfile, usersOf } from "./update.ts";

type Requestor = Call<(typeof profileEndpoints)["getProfile"]>["requestor"];

const urlOf = ({ project, name }: Pick<ProfileRecord, "project" | "name">) => urlIn(project, `/1.0/profiles/${name}`);

function checkProfileName(name: string): void {
  if (!/^[\w][\w .:@+-]{0,62}$/.test(name)) {
    throw fail("invalid_name", { what: "profile", name: name.slice(0, 80), reason: "it may hold up to 63 letters, digits, spaces and ._:@+-" });
  }
}

export function profileRoutes(ctx: Context): Implementation<typeof profileEndpoints> {
  const find = (project: string | undefined, name: string) => ctx.profiles.get(ctx.projects.named(project), name);
  const users = (profile: ProfileRecord) => usersOf(ctx, profile);
  const view = (caller: Caller, profile: ProfileRecord): Profile => ({
    name: profile.name, description: profile.description, config: profile.config, devices: profile.devices,
    used_by: seenBy(caller, users(profile).map((instance) => instanceUrl(instance))),
  });
  const tell = (action: string, profile: Pick<ProfileRecord, "project" | "name">, requestor: Requestor, context?: Record<string, unknown>) =>
    ctx.events.lifecycle({ action: `profile-${action}`, source: urlOf(profile), requestor, ...(context ? { context } : {}) }, profile.project);
  const checked = (project: string, put: ProfilePut) => ({
    config: checkInstanceConfig(put.config ?? {}), devices: checkOwnDevices(put.devices ?? {}, deviceWorld(ctx, project)),
  });
  const ownerOf = (project: string | undefined) => ctx.projects.owner(ctx.projects.named(project), "profiles");

  /** One change of a profile after the other. */
  const change = (project: string | undefined, name: string, requestor: Requestor, next: (profile: ProfileRecord) => ProfileRecord) =>
    ctx.locks.run(`profile:${ownerOf(project)}/${name}`, async () => {
      const profile = find(project, name);
      await changeProfile(ctx, profile, next(profile), requestor);
      tell("updated", profile, requestor);
    });

  return {
    listProfiles: ({ query, caller }) => {
      const profiles = ctx.profiles.list(ctx.projects.named(query.project));
      return query.recursion === "1" ? profiles.map((profile) => view(caller, profile)) : profiles.map(urlOf);
    },

    createProfile: ({ query, body, requestor }) => {
      checkProfileName(body.name);
      const project = ownerOf(query.project);
      const profile = { project, name: body.name, description: body.description ?? "", ...checked(project, body) };
      assertProfileFits(ctx, profile);
      ctx.profiles.insert(profile);
      tell("created", profile, requestor);
      return { location: urlOf(profile) };
    },

    getProfile: ({ params, query, caller }) => view(caller, find(query.project, params.name)),

    replaceProfile: ({ params, query, body, requestor }) =>
      change(query.project, params.name, requestor, (profile) => ({ ...profile, description: body.description ?? "", ...checked(profile.project, body) })),

    patchProfile: ({ params, query, body, requestor }) =>
      change(query.project, params.name, requestor, (profile) => ({
        ...profile, description: body.description ?? profile.description,
        ...checked(profile.project, { config: { ...profile.config, ...body.config }, devices: { ...profile.devices, ...body.devices } }),
      })),

    renameProfile: ({ params, query, body, requestor }) => {
      const profile = find(query.project, params.name);
      if (profile.name === "default") throw fail("profile_default_fixed", { what: "renamed" });
      checkProfileName(body.name);
      if (ctx.profiles.find(profile.project, body.name)) throw fail("profile_exists", { name: body.name });
      const renamed = { ...profile, name: body.name };
      ctx.db.transaction(() => {
        ctx.profiles.save(renamed);
        for (const instance of users(profile)) {
          ctx.instances.save({ ...instance, profiles: instance.profiles.map((name) => (name === profile.name ? body.name : name)) });
        }
        ctx.images.store.renameProfile(ctx.projects.usersOf(profile.project, "profiles"), profile.name, body.name);
      })();
      tell("renamed", renamed, requestor, { old_name: profile.name });
      return { location: urlOf(renamed) };
    },

    deleteProfile: ({ params, query, requestor }) => {
      const profile = find(query.project, params.name);
      if (profile.name === "default") throw fail("profile_default_fixed", { what: "deleted" });
      if (users(profile).length > 0) throw fail("profile_in_use");
      ctx.db.transaction(() => {
        ctx.profiles.remove(profile);
        ctx.images.store.renameProfile(ctx.projects.usersOf(profile.project, "profiles"), profile.name, undefined);
      })();
      tell("deleted", profile, requestor);
    },
  };
}
