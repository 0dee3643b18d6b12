// The storage pool endpoints.
import { fail } from "../api/errors.ts";
import type { storageEndpoints, StoragePool } from "../api/storage.ts";
import type { ListQuery } from "../api/schemas.ts";
import { type Caller, isForAll, mayIn } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import type { Implementation } from "../http/implementation.ts";
import { findRootDisk } from "../devices/check.ts";
import { imageUrl } from "../image-library/view.ts";
import { snapshotUrl } from "../instances/snapshots/view.ts";
import { instanceUrl } from "../instances/view.ts";
import { seenBy, urlIn } from "../projects/url.ts";
import type { PoolRecord } from "./pools.ts";
import { getVolume, listVolumes, volumeUrl } from "./volumes.ts";

const urlOf = (name: string) => `/1.0/storage-pools/${name}`;

export function storageRoutes(ctx: Context): Implementation<typeof storageEndpoints> {
  const usedBy = (name: string) => [
    ...ctx.instances.list().filter((instance) => instance.pool === name).flatMap((instance) => [instanceUrl(instance), ...ctx.snapshots.list(instance).map((one) => snapshotUrl(instance, one.name))]),
    ...ctx.profiles.list().filter((profile) => findRootDisk(profile.devices)?.pool === name).map((profile) => urlIn(profile.project, `/1.0/profiles/${profile.name}`)),
  ];
  /** Images that are ready in a pool go with it: they keep nobody from deleting it. */
  const imagesIn = (name: string) =>
    ctx.pools.has(name) ? ctx.images.store.listEverywhere().filter(({ fingerprint }) => ctx.pools.driver(name).hasImage(fingerprint)).map(imageUrl) : [];
  /** Where a pool lies on the machine concerns nobody but its administrators. */
  const configFor = (caller: Caller, record: PoolRecord) =>
    Object.fromEntries(Object.entries(ctx.pools.shownConfig(record)).filter(([key]) => caller.admin || !/^(volatile\.initial_)?source$/.test(key)));
  const view = (caller: Caller, record: PoolRecord): StoragePool => ({
    name: record.name, description: record.description, driver: record.driver, status: ctx.pools.has(record.name) ? "Created" : "Unavailable",
    config: configFor(caller, record), used_by: seenBy(caller, [...imagesIn(record.name), ...usedBy(record.name)]), locations: ["none"],
  });
  const volumes = (pool: string, query: ListQuery, caller: Caller, type?: string) => {
    const project = isForAll(query) ? undefined : ctx.projects.named(query.project);
    const found = listVolumes(ctx, pool, project, (one) => mayIn(caller, one, "view"), type);
    return query.recursion === "1" ? found : found.map((volume) => volumeUrl(pool, volume));
  };
  const tell = (action: string, name: string, requestor: Parameters<typeof ctx.events.lifecycle>[0]["requestor"]) =>
    ctx.events.lifecycle({ action: `storage-pool-${action}`, source: urlOf(name), requestor });

  return {
    listStoragePools: ({ query, caller }) => {
      const records = ctx.pools.list();
      return query.recursion === "1" ? records.map((record) => view(caller, record)) : records.map((record) => urlOf(record.name));
    },

    createStoragePool: async ({ body, requestor }) => {
      await ctx.pools.create(body);
      tell("created", body.name, requestor);
      return { location: urlOf(body.name) };
    },

    getStoragePool: ({ params, caller }) => view(caller, ctx.pools.get(params.name)),

    replaceStoragePool: ({ params, body, requestor }) => {
      ctx.pools.update(params.name, body, false);
      tell("updated", params.name, requestor);
    },

    patchStoragePool: ({ params, body, requestor }) => {
      ctx.pools.update(params.name, body, true);
      tell("updated", params.name, requestor);
    },

    deleteStoragePool: async ({ params, requestor }) => {
      const { name } = ctx.pools.get(params.name);
      if (usedBy(name).length > 0) throw fail("pool_in_use");
      await ctx.pools.remove(name);
      tell("deleted", name, requestor);
    },

    getStoragePoolResources: ({ params }) => {
      ctx.pools.get(params.name);
      const space = ctx.pools.driver(params.name).space();
      return {
        space: { used: space.used, total: space.total },
        inodes: { used: space.inodesUsed, total: space.inodesTotal },
      };
    },

    listStorageVolumes: ({ params, query, caller }) => volumes(params.name, query, caller),

    listStorageVolumesOfType: ({ params, query, caller }) => volumes(params.name, query, caller, params.type),

    getStorageVolume: ({ params, query }) => getVolume(ctx, params.name, ctx.projects.named(query.project), params.type, params.volume),
  };
}
