// Giving a stopped instance another name.
import { existsSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Context } from "../context.ts";
import { withUndo } from "../undo.ts";
import { writeBackupFile } from "./backup-file.ts";
import { announceDevices, devicesOf, withdrawDevices } from "./devices.ts";
import { expandInstance } from "./expanded.ts";
import { currentIdMap } from "./idmap.ts";
import { checkInstanceName } from "./name.ts";
import { renewInstanceId } from "./instance-id.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "./store.ts";
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
  const [before, after] = [systemNameOf(instance), systemNameOf({ project, name: newName })];
  if (ctx.runtime.get(before)) throw fail("instance_running");
  await ctx.runtime.settled(before);
  const driver = ctx.pools.driver(instance.pool);
  const map = currentIdMap(instance);
  const config = { ...instance.config, "volatile.apply_template": "rename" };
  const renamed: InstanceRecord = { ...instance, name: newName, config, unfinished: { renamedFrom: before } };
  renewInstanceId(renamed.config);
  await withUndo(async (undo) => {
    ctx.instances.save(renamed);
    undo.push(() => ctx.instances.save(instance));
    undo.push(() => driver.ensureMounted(volumeOf(instance), map));
    await driver.rename(before, after);
    undo.push(() => driver.rename(after, before));
    await driver.ensureMounted(volumeOf(renamed), map);
    moveFolders(ctx, before, after, driver.folder(after));
  });
  renamed.unfinished = {};
  ctx.instances.save(renamed);
  await withdrawDevices(devicesOf(ctx, instance, expandInstance(ctx, instance)));
  await announceDevices(devicesOf(ctx, renamed, expandInstance(ctx, renamed)));
  writeBackupFile(ctx, renamed);
  ctx.events.lifecycle({ action: "instance-renamed", source: instanceUrl(renamed), requestor, context: { old_name: name } }, project);
}

/** Moves what lies beside the volume of an instance. Can be repeated. */
export function moveFolders(ctx: Context, before: string, after: string, volume: string): void {
  for (const folder of [(name: string) => ctx.paths.logs(name), (name: string) => ctx.paths.devices(name)]) {
    if (existsSync(folder(before))) renameSync(folder(before), folder(after));
  }
  rmSync(`${ctx.paths.security}/${before}`, { force: true });
  for (const name of [before, after]) rmSync(`${ctx.paths.containers}/${name}`, { force: true });
  symlinkSync(volume, `${ctx.paths.containers}/${after}`);
}
