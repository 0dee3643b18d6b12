// Giving a stopped instance another name.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Context } from "../context.ts";
import { writeBackupFile } from "./backup-file.ts";
import { announceDevices, devicesOf, withdrawDevices } from "./devices.ts";
import { expandInstance } from "./expanded.ts";
import { checkInstanceName } from "./name.ts";
import { renewInstanceId } from "./instance-id.ts";
import { relocate } from "./relocate.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { instanceUrl } from "./view.ts";

/** Throws `invalid_name` or `instance_exists`. */
export function assertNameFree(ctx: Context, project: string, name: string): void {
  checkInstanceName(name);
  if (ctx.instances.find(project, name)) throw fail("instance_exists", { name });
}

/** Throws `invalid_name`, `instance_exists` or `instance_running`; the caller holds the locks of both names. */
export async function renameInstance(ctx: Context, project: string, name: string, newName: string, requestor: Requestor): Promise<void> {
  assertNameFree(ctx, project, newName);
  const instance = ctx.instances.get(project, name);
  const before = systemNameOf(instance);
  if (ctx.runtime.get(before)) throw fail("instance_running");
  await ctx.runtime.settled(before);
  const config = { ...instance.config, "volatile.apply_template": "rename" };
  const renamed: InstanceRecord = { ...instance, name: newName, config };
  renewInstanceId(renamed.config);
  await relocate(ctx, instance, renamed);
  await withdrawDevices(devicesOf(ctx, instance, expandInstance(ctx, instance)));
  await announceDevices(devicesOf(ctx, renamed, expandInstance(ctx, renamed)));
  writeBackupFile(ctx, renamed);
  ctx.events.lifecycle({ action: "instance-renamed", source: instanceUrl(renamed), requestor, context: { old_name: name } }, project);
}
