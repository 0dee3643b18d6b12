// The network endpoints.
import { existsSync } from "node:fs";
import { fail } from "../api/errors.ts";
import type { Network, networkEndpoints } from "../api/networks.ts";
import { checkNetworkName, listHostInterfaces, readNetworkState } from "../../networks/network.ts";
import type { Caller } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import type { Call, Implementation } from "../http/implementation.ts";
import { isTrue } from "../api/config-keys/key.ts";
import { allowsNetwork } from "../projects/restrictions.ts";
import { defaultProject, type ProjectRecord } from "../projects/store.ts";
import { seenBy } from "../projects/url.ts";
import { leasesIn } from "./leases.ts";
import { usersOfNetwork } from "./users.ts";
import type { NetworkRecord } from "./networks.ts";

/** Throws what keeps a project from having a network made. */
function assertCreatable(project: ProjectRecord, name: string): void {
  if (!allowsNetwork(project, name, true)) throw fail("project_restricted", { reason: "Network not allowed in project", project: project.name, key: "restricted.networks.access" });
  if (!isTrue(project.config["features.networks"]) || project.name === defaultProject) return;
  if (project.config["limits.networks"] === "0") throw fail("project_limit", { reason: "Networks limit has been reached for project", hint: "" });
  throw fail("project_network_type", { project: project.name });
}

type Requestor = Call<(typeof networkEndpoints)["getNetwork"]>["requestor"];

const urlOf = (name: string) => `/1.0/networks/${name}`;

export function networkRoutes(ctx: Context): Implementation<typeof networkEndpoints> {
  const managed = (caller: Caller, record: NetworkRecord): Network => ({
    name: record.name, description: record.description, type: record.type, managed: true,
    status: ctx.networks.isUp(record.name) ? "Created" : "Unavailable", config: record.config,
    used_by: seenBy(caller, usersOfNetwork(ctx, record.name)), locations: ["none"],
  });
  const unmanaged = (caller: Caller, name: string, type: string): Network => ({
    name, description: "", type, managed: false, status: "", config: {}, used_by: seenBy(caller, usersOfNetwork(ctx, name)), locations: [],
  });
  /** A project with networks of its own has none: bridges are the machine's, and of the default project. */
  const hasSome = (project: string | undefined) => ctx.projects.owner(ctx.projects.named(project), "networks") === defaultProject;
  const shows = (project: string | undefined, name: string, isManaged: boolean) => allowsNetwork(ctx.projects.get(ctx.projects.named(project)), name, isManaged);
  const all = (caller: Caller, project: string | undefined): Network[] => {
    if (!hasSome(project)) return [];
    const records = ctx.networks.list();
    const others = listHostInterfaces().filter(({ name }) => !records.some((record) => record.name === name));
    const shown = [
      ...records.filter(({ name }) => shows(project, name, true)).map((record) => managed(caller, record)),
      ...others.filter(({ name }) => shows(project, name, false)).map(({ name, type }) => unmanaged(caller, name, type)),
    ];
    return shown.sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  const get = (caller: Caller, name: string, project: string | undefined): Network => {
    if (!hasSome(project)) throw fail("network_not_found");
    const record = ctx.networks.find(name);
    if (record && shows(project, name, true)) return managed(caller, record);
    const found = record ? undefined : listHostInterfaces().find((one) => one.name === name);
    if (!found || !shows(project, name, false)) throw fail("network_not_found");
    return unmanaged(caller, found.name, found.type);
  };
  const assertManaged = (caller: Caller, name: string, project: string | undefined) => {
    if (!get(caller, name, project).managed) throw fail("not_managed", { name });
  };
  const tell = (action: string, name: string, requestor: Requestor, context?: Record<string, unknown>) =>
    ctx.events.lifecycle({ action: `network-${action}`, source: urlOf(name), requestor, ...(context ? { context } : {}) });

  return {
    listNetworks: ({ query, caller }) => {
      const networks = all(caller, query.project);
      return query.recursion === "1" ? networks : networks.map(({ name }) => urlOf(name));
    },

    createNetwork: async ({ query, body, requestor }) => {
      assertCreatable(ctx.projects.get(ctx.projects.named(query.project)), body.name);
      const taken = checkNetworkName(body.name) === undefined && existsSync(`/sys/class/net/${body.name}`);
      if (taken && !ctx.networks.find(body.name)) throw fail("network_exists");
      await ctx.networks.create(body);
      tell("created", body.name, requestor);
      return { location: urlOf(body.name) };
    },

    getNetwork: ({ params, query, caller }) => get(caller, params.name, query.project),

    replaceNetwork: async ({ params, query, body, requestor, caller }) => {
      assertManaged(caller, params.name, query.project);
      await ctx.networks.update(params.name, body, false);
      tell("updated", params.name, requestor);
    },

    patchNetwork: async ({ params, query, body, requestor, caller }) => {
      assertManaged(caller, params.name, query.project);
      await ctx.networks.update(params.name, body, true);
      tell("updated", params.name, requestor);
    },

    renameNetwork: async ({ params, query, body, requestor, caller }) => {
      assertManaged(caller, params.name, query.project);
      if (usersOfNetwork(ctx, params.name).length > 0) throw fail("network_in_use");
      await ctx.networks.rename(params.name, body.name);
      tell("renamed", body.name, requestor, { old_name: params.name });
      return { location: urlOf(body.name) };
    },

    deleteNetwork: async ({ params, query, requestor, caller }) => {
      assertManaged(caller, params.name, query.project);
      if (usersOfNetwork(ctx, params.name).length > 0) throw fail("network_in_use");
      await ctx.networks.remove(params.name);
      tell("deleted", params.name, requestor);
    },

    getNetworkState: ({ params, query, caller }) => readNetworkState(get(caller, params.name, query.project).name),

    listNetworkLeases: ({ params, query, caller }) => {
      assertManaged(caller, params.name, query.project);
      return leasesIn(ctx, params.name, ctx.projects.named(query.project));
    },
  };
}
