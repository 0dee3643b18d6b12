// The network endpoints.
import { existsSync } from "node:fs";
import { fail } from "../api/errors.ts";
import type { Network, networkEndpoints } from "../api/networks.ts";
import { checkNetworkName, listHostInterfaces, readNetworkState } from "../../networks/network.ts";
import type { Context } from "../context.ts";
import type { Call, Implementation } from "../http/implementation.ts";
import { usersOfNetwork } from "./users.ts";
import type { NetworkRecord } from "./networks.ts";

type Requestor = Call<(typeof networkEndpoints)["getNetwork"]>["requestor"];

const urlOf = (name: string) => `/1.0/networks/${name}`;

export function networkRoutes(ctx: Context): Implementation<typeof networkEndpoints> {
  const managed = (record: NetworkRecord): Network => ({
    name: record.name, description: record.description, type: record.type, managed: true,
    status: ctx.networks.isUp(record.name) ? "Created" : "Unavailable", config: record.config,
    used_by: usersOfNetwork(ctx, record.name), locations: ["none"],
  });
  const unmanaged = (name: string, type: string): Network => ({
    name, description: "", type, managed: false, status: "", config: {}, used_by: usersOfNetwork(ctx, name), locations: [],
  });
  const all = (): Network[] => {
    const records = ctx.networks.list();
    const others = listHostInterfaces().filter(({ name }) => !records.some((record) => record.name === name));
    return [...records.map(managed), ...others.map(({ name, type }) => unmanaged(name, type))].sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  const get = (name: string): Network => {
    const record = ctx.networks.find(name);
    if (record) return managed(record);
    const found = listHostInterfaces().find((one) => one.name === name);
    if (!found) throw fail("network_not_found");
    return unmanaged(found.name, found.type);
  };
  const assertManaged = (name: string, project: string | undefined) => {
    ctx.projects.named(project);
    if (!get(name).managed) throw fail("not_managed", { name });
  };
  const tell = (action: string, name: string, requestor: Requestor, context?: Record<string, unknown>) =>
    ctx.events.lifecycle({ action: `network-${action}`, source: urlOf(name), requestor, ...(context ? { context } : {}) });

  return {
    listNetworks: ({ query }) => {
      ctx.projects.named(query.project);
      const networks = all();
      return query.recursion === "1" ? networks : networks.map(({ name }) => urlOf(name));
    },

    createNetwork: async ({ query, body, requestor }) => {
      ctx.projects.named(query.project);
      const taken = checkNetworkName(body.name) === undefined && existsSync(`/sys/class/net/${body.name}`);
      if (taken && !ctx.networks.find(body.name)) throw fail("network_exists");
      await ctx.networks.create(body);
      tell("created", body.name, requestor);
      return { location: urlOf(body.name) };
    },

    getNetwork: ({ params, query }) => {
      ctx.projects.named(query.project);
      return get(params.name);
    },

    replaceNetwork: async ({ params, query, body, requestor }) => {
      assertManaged(params.name, query.project);
      await ctx.networks.update(params.name, body, false);
      tell("updated", params.name, requestor);
    },

    patchNetwork: async ({ params, query, body, requestor }) => {
      assertManaged(params.name, query.project);
      await ctx.networks.update(params.name, body, true);
      tell("updated", params.name, requestor);
    },

    renameNetwork: async ({ params, query, body, requestor }) => {
      assertManaged(params.name, query.project);
      if (usersOfNetwork(ctx, params.name).length > 0) throw fail("network_in_use");
      await ctx.networks.rename(params.name, body.name);
      tell("renamed", body.name, requestor, { old_name: params.name });
      return { location: urlOf(body.name) };
    },

    deleteNetwork: async ({ params, query, requestor }) => {
      assertManaged(params.name, query.project);
      if (usersOfNetwork(ctx, params.name).length > 0) throw fail("network_in_use");
      await ctx.networks.remove(params.name);
      tell("deleted", params.name, requestor);
    },

    getNetworkState: ({ params, query }) => {
      ctx.projects.named(query.project);
      return readNetworkState(get(params.name).name);
    },

    listNetworkLeases: ({ params, query }) => {
      assertManaged(params.name, query.project);
      return ctx.networks.leases(params.name);
    },
  };
}
