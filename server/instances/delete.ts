// Deleting an instance.
import { fail } from "../api/errors.ts";
import { isTrue } from "../api/config-keys/key.ts";
import type { Requestor } from "../api/events.ts";
import type { Context } from "../context.ts";
import { forEachDevice } from "../devices/plan.ts";
import { removeFolders } from "./create.ts";
import { devicesOf, withdrawDevices } from "./devices.ts";
import { expandInstance } from "./expanded.ts";
import { releaseVolumes } from "./release.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { instanceUrl } from "./view.ts";

/** Throws `instance_running` or `instance_protected`. */
export function assertDeletable(ctx: Context, instance: InstanceRecord): void {
  if (ctx.runtime.get(systemNameOf(instance))) throw fail("instance_running");
  if (isTrue(expandInstance(ctx, instance).config["security.protection.delete"])) throw fail("instance_protected", { name: instance.name });
}

/** Deletes a stopped instance; the caller holds its lock. */
export async function deleteInstance(ctx: Context, project: string, name: string, requestor?: Requestor): Promise<void> {
  await ctx.runtime.settled(systemNameOf({ project, name }));
  const instance = ctx.instances.get(project, name);
  assertDeletable(ctx, instance);
  ctx.restarts.cancel(instance.id);
  instance.phase = "deleting";
  ctx.instances.save(instance);
  await removeInstance(ctx, instance);
  ctx.events.lifecycle({ action: "instance-deleted", source: instanceUrl(instance), ...(requestor ? { requestor } : {}) }, project);
}

/** Removes all there is of an instance, also of one that is only half there. */
export async function removeInstance(ctx: Context, instance: InstanceRecord): Promise<void> {
  const name = systemNameOf(instance);
  await ctx.backups.giveUp(instance);
  if (ctx.pools.has(instance.pool)) {
    const devices = devicesOf(ctx, instance, expandInstance(ctx, instance));
    await forEachDevice(devices, "released", (type, call) => type.release?.(call));
    await withdrawDevices(devices);
    await ctx.pools.driver(instance.pool).remove(name);
  }
  removeFolders(ctx, name);
  ctx.backups.removeAll(instance);
  const volumes = [instance.volume, ...ctx.snapshots.list(instance).map((snapshot) => snapshot.volume)];
  ctx.instances.remove(instance);
  ctx.diskUsage.forget(instance.id);
  await releaseVolumes(ctx, instance.pool, volumes);
}
