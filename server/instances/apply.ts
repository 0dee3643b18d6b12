// Making a changed instance hold: kept in the database, and brought to the guest if it runs. Used by whoever changes
// an instance, be it by itself or through a profile.
import type { Context } from "../context.ts";
import type { Config } from "../api/schemas.ts";
import { findRootDisk } from "../devices/check.ts";
import type { DeviceCall } from "../devices/device.ts";
import { changeDevices, forEachDevice } from "../devices/plan.ts";
import { fail } from "../api/errors.ts";
import { changesFor } from "../guest-api/changes.ts";
import { assertFitsProject } from "../projects/check.ts";
import { withUndo } from "../undo.ts";
import { writeBackupFile } from "./backup-file.ts";
import type { Layer } from "./config.ts";
import { devicesOf, forgetDevice, keepVolatile } from "./devices.ts";
import { expandInstance } from "./expanded.ts";
import { chooseIdMap } from "./idmap.ts";
import { setNetworkPriorities } from "./limits/network.ts";
import { applyLiveConfig } from "./live.ts";
import { needsNewInstanceId, renewInstanceId } from "./instance-id.ts";
import { changeRootSize } from "./root-size.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";

/** Throws `root_pool_fixed` when an instance would have its root disk in another pool. */
export function assertPoolKept(instance: Pick<InstanceRecord, "pool">, expanded: Layer): void {
  const root = findRootDisk(expanded.devices);
  if (root && root.pool !== instance.pool) throw fail("root_pool_fixed", { pool: root.pool });
}

/** The same, and throws `invalid_device` when it would lose its root disk. */
export function assertRootKept(instance: Pick<InstanceRecord, "pool">, expanded: Layer): void {
  if (!findRootDisk(expanded.devices)) throw fail("invalid_device", { device: "root", reason: "an instance needs a root disk" });
  assertPoolKept(instance, expanded);
}

/**
 * Brings an instance from what held (`before`) to `next`, whose configuration was checked; the caller holds its lock and
 * `save`s. Throws `project_limit` or `project_restricted`. When a part of it fails in a running guest, the rest is taken back and the error thrown: nothing has changed then.
 */
export async function applyInstance(ctx: Context, next: InstanceRecord, before: Layer, save: () => void): Promise<void> {
  assertFitsProject(ctx, next);
  const after = expandInstance(ctx, next);
  const running = ctx.runtime.get(systemNameOf(next));
  // A profile may have changed while it started, or not have reached it: what counts is what the guest has.
  const held = running?.held ?? before;
  const [had, has] = [devicesOf(ctx, next, held), devicesOf(ctx, next, after)];
  await forEachDevice(has, "remembered", (type, call) => type.remember?.(call));
  await withUndo(async (undo) => {
    undo.push(() => keepAgain(ctx, next, had)); // taken back, they may remember something else
    undo.push(await changeRootSize(ctx, next, held, after));
    if (running) {
      await applyLiveConfig(ctx.runtime, running, held.config, after.config, undo);
      await changeDevices(had, has, running, undo);
    }
    if (needsNewInstanceId(held, after, had, has)) renewInstanceId(next.config);
    for (const { name } of had) forgetDevice(next, name);
    keepVolatile(next, has);
    chooseIdMap(ctx, next, after);
    save();
    if (running) running.held = after;
  });
  if (running) await setNetworkPriorities(ctx);
  await forEachDevice(had.filter(({ name, options }) => !isSamePlace(options, after.devices[name])), "withdrawn", (type, call) => type.withdraw?.(call));
  await forEachDevice(devicesOf(ctx, next, expandInstance(ctx, next)), "announced", (type, call) => type.announce?.(call));
  if (running) ctx.guestEvents.tell(next.id, changesFor(held, after));
  writeBackupFile(ctx, next);
}

/** Whether a device is still known to the same network. */
function isSamePlace(before: Config, after: Config | undefined): boolean {
  return after !== undefined && ["type", "nictype", "network", "parent"].every((key) => before[key] === after[key]);
}

function keepAgain(ctx: Context, { project, name }: InstanceRecord, had: readonly DeviceCall[]): void {
  const instance = ctx.instances.get(project, name);
  keepVolatile(instance, had);
  ctx.instances.save(instance);
}
