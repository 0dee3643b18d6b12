// How much an instance's root file system may hold: the `size` of its root disk.
import { parseSize } from "../api/config-keys/key.ts";
import type { Context } from "../context.ts";
import { findRootDisk } from "../devices/check.ts";
import { log } from "../log.ts";
import type { Layer } from "./config.ts";
import { type InstanceRecord, volumeOf } from "./store.ts";

const sizeOf = ({ devices }: Layer) => findRootDisk(devices)?.size;

async function limitRoot(ctx: Context, instance: InstanceRecord, size: string | undefined, full: boolean): Promise<void> {
  if (await ctx.pools.driver(instance.pool).limit(volumeOf(instance), size === undefined ? undefined : parseSize(size), full) || size === undefined) return;
  log.warn("the size of a root disk is kept but does not limit it", { instance: instance.name, pool: instance.pool, size });
}

/** Before a start: what is written from then on is limited. One that holds too much already starts all the same. */
export async function limitAtStart(ctx: Context, instance: InstanceRecord, expanded: Layer): Promise<void> {
  const size = sizeOf(expanded);
  if (size !== undefined) await limitRoot(ctx, instance, size, true);
}

/** Brings a changed size to the disk; gives what takes that back. Throws `root_size_too_small`. */
export async function changeRootSize(ctx: Context, instance: InstanceRecord, before: Layer, after: Layer): Promise<() => Promise<void>> {
  const [was, is] = [sizeOf(before), sizeOf(after)];
  if (was === is) return async () => {};
  await limitRoot(ctx, instance, is, false);
  return () => limitRoot(ctx, instance, was, true);
}
