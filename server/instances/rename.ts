// Giving a stopped instance another name.
import { renameSync, rmSync, symlinkSync } from "node:fs";
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
import { systemNameOf, volumeOf } from "./store.ts";
import { instanceUrl } from "./view.ts";

/** Throws `invalid_name` or `instance_exists`. */
export function assertNameFree(ctx: Context, project: string, name: string): void {
  checkInstanceName(name);
  if (ctx.instances.find(project, name)) throw fail("instance_exists", { name });
}

/** Throws `invalid_name`, `instance_exists` or `instance_running`; the caller holds the lock. */
export async function renameInstance(ctx: Context, project: string, name: string, newName: string, requestor: Requestor): Promise<void> {
  assertNameFree(ctx, project, newName);
  const instance = ctx.instances.get(project, name);
  const [before, after] = [systemNameOf(instance), systemNameOf({ project, name: newName })];
  if (ctx.runtime.get(before)) throw fail("instance_running");
  const driver = ctx.pools.driver(instance.pool);
  const map = currentIdMap(instance);
  const renamed: typeof instance = { ...instance, name: newName, config: { ...instance.config, "volatile.apply_template": "rename" } };
  renewInstanceId(renamed.config);
  await withUndo(async (undo) => {
    await driver.rename(volumeOf(instance), after, map);
    undo.push(() => driver.rename(volumeOf(renamed), before, map));
    ctx.instances.save(renamed);
    undo.push(() => ctx.instances.save(instance));
    renameSync(ctx.paths.logs(before), ctx.paths.logs(after));
  });
  renameSync(ctx.paths.devices(before), ctx.paths.devices(after));
  rmSync(`${ctx.paths.containers}/${before}`, { force: true });
  symlinkSync(driver.folder(after), `${ctx.paths.containers}/${after}`);
  await withdrawDevices(devicesOf(ctx, instance, expandInstance(ctx, instance)));
  await announceDevices(devicesOf(ctx, renamed, expandInstance(ctx, renamed)));
  writeBackupFile(ctx, renamed);
  ctx.events.lifecycle({ action: "instance-renamed", source: instanceUrl(renamed), requestor, context: { old_name: name } }, project);
}
