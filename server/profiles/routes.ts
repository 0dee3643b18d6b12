// The profile endpoints.
import { fail } from "../api/errors.ts";
import type { Profile, ProfilePut, profileEndpoints } from "../api/profiles.ts";
import type { Context } from "../context.ts";
import type { Call, Implementation } from "../http/implementation.ts";
import { checkDevices } from "../devices/check.ts";
import { checkInstanceConfig } from "../instances/config.ts";
import { deviceWorld } from "../instances/expanded.ts";
import type { ProfileRecord } from "./store.ts";
import { changeProfile, usersOf } from "./update.ts";

type Requestor = Call<(typeof profileEndpoints)["getProfile"]>["requestor"];

const urlOf = (name: string) => `/1.0/profiles/${name}`;

function checkProfileName(name: string): void {
  if (!/^[\w][\w .:@+-]{0,62}$/.test(name)) {
    throw fail("invalid_name", { what: "profile", name: name.slice(0, 80), reason: "it may hold up to 63 letters, digits, spaces and ._:@+-" });
  }
}

export function profileRoutes(ctx: Context): Implementation<typeof profileEndpoints> {
  const find = (project: string | undefined, name: string) => ctx.profiles.get(ctx.projects.named(project), name);
  const users = (profile: ProfileRecord) => usersOf(ctx, profile);
  const view = (profile: ProfileRecord): Profile => ({
    name: profile.name, description: profile.description, config: profile.config, devices: profile.devices,
    used_by: users(profile).map(({ name }) => `/1.0/instances/${name}`),
  });
  const tell = (action: string, name: string, requestor: Requestor, context?: Record<string, unknown>) =>
    ctx.events.lifecycle({ action: `profile-${action}`, source: urlOf(name), requestor, ...(context ? { context } : {}) });
  const checked = (put: ProfilePut) => ({
    config: checkInstanceConfig(put.config ?? {}), devices: checkDevices(put.devices ?? {}, deviceWorld(ctx)),
  });

  /** One change of a profile after the other. */
  const change = (project: string | undefined, name: string, requestor: Requestor, next: (profile: ProfileRecord) => ProfileRecord) =>
    ctx.locks.run(`profile:${ctx.projects.named(project)}/${name}`, async () => {
      const profile = find(project, name);
      await changeProfile(ctx, profile, next(profile), requestor);
      tell("updated", name, requestor);
    });

  return {
    listProfiles: ({ query }) => {
      const profiles = ctx.profiles.list(ctx.projects.named(query.project));
      return query.recursion === "1" ? profiles.map(view) : profiles.map(({ name }) => urlOf(name));
    },

    createProfile: ({ query, body, requestor }) => {
      checkProfileName(body.name);
      ctx.profiles.insert({ project: ctx.projects.named(query.project), name: body.name, description: body.description ?? "", ...checked(body) });
      tell("created", body.name, requestor);
      return { location: urlOf(body.name) };
    },

    getProfile: ({ params, query }) => view(find(query.project, params.name)),

    replaceProfile: ({ params, query, body, requestor }) =>
      change(query.project, params.name, requestor, (profile) => ({ ...profile, description: body.description ?? "", ...checked(body) })),

    patchProfile: ({ params, query, body, requestor }) =>
      change(query.project, params.name, requestor, (profile) => ({
        ...profile, description: body.description ?? profile.description,
        ...checked({ config: { ...profile.config, ...body.config }, devices: { ...profile.devices, ...body.devices } }),
      })),

    renameProfile: ({ params, query, body, requestor }) => {
      const profile = find(query.project, params.name);
      if (profile.name === "default") throw fail("profile_default_fixed", { what: "renamed" });
      checkProfileName(body.name);
      if (ctx.profiles.find(profile.project, body.name)) throw fail("profile_exists", { name: body.name });
      ctx.db.transaction(() => {
        ctx.profiles.save({ ...profile, name: body.name });
        for (const instance of users(profile)) {
          ctx.instances.save({ ...instance, profiles: instance.profiles.map((name) => (name === profile.name ? body.name : name)) });
        }
      })();
      tell("renamed", body.name, requestor, { old_name: profile.name });
      return { location: urlOf(body.name) };
    },

    deleteProfile: ({ params, query, requestor }) => {
      const profile = find(query.project, params.name);
      if (profile.name === "default") throw fail("profile_default_fixed", { what: "deleted" });
      if (users(profile).length > 0) throw fail("profile_in_use");
      ctx.profiles.remove(profile);
      tell("deleted", profile.name, requestor);
    },
  };
}
