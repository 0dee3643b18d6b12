// Moving a stopped instance with its snapshots to another pool, perhaps under another name.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Context } from "../context.ts";
import { checkDevices } from "../devices/check.ts";
import { withUndo } from "../undo.ts";
import { writeBackupFile } from "./backup-file.ts";
import { announceDevices, devicesOf, withdrawDevices } from "./devices.ts";
import { deviceWorld, expandInstance } from "./expanded.ts";
import { finishInstance } from "./finish.ts";
import { currentIdMap } from "./idmap.ts";
import { assertNameFree } from "./rename.ts";
import { rememberDiskMap } from "./shift.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { bringSnapshots, releaseAll, rootIn, type Temporary, takeContent } from "./transfer.ts";
import { instanceUrl } from "./view.ts";

export interface Destination {
  name: string;
  pool: string;
  /** Its snapshots are left behind, and deleted. */
  instanceOnly: boolean;
}

/** Throws `move_running`, `pool_not_found`, `invalid_name`, `instance_exists`, or that it is there already. */
export function assertMovable(ctx: Context, instance: InstanceRecord, { name, pool }: Destination): void {
  if (name !== instance.name) assertNameFree(ctx, instance.project, name);
  ctx.pools.driver(pool);
  if (pool === instance.pool) throw fail("bad_request", { reason: `Instance "${instance.name}" is in the pool "${pool}" already` });
  if (ctx.runtime.get(systemNameOf(instance))) throw fail("move_running", { name: instance.name });
}

/** Moves an instance; the caller holds the locks of both names. When it fails, it is where it was. */
export async function moveInstance(ctx: Context, project: string, name: string, to: Destination, requestor: Requestor): Promise<void> {
  await ctx.runtime.settled(systemNameOf({ project, name }));
  await finishInstance(ctx, ctx.instances.get(project, name));
  const before = ctx.instances.get(project, name);
  assertMovable(ctx, before, to);
  const temporary: Temporary[] = [];
  try {
    await moveFiles(ctx, before, to, temporary);
  } finally {
    await releaseAll(ctx, temporary);
  }
  const moved = ctx.instances.get(project, to.name);
  await withdrawDevices(devicesOf(ctx, before, expandInstance(ctx, before)));
  await announceDevices(devicesOf(ctx, moved, expandInstance(ctx, moved)));
  writeBackupFile(ctx, moved);
  const event = to.name === name ? { action: "instance-updated" } : { action: "instance-renamed", context: { old_name: name } };
  ctx.events.lifecycle({ ...event, source: instanceUrl(moved), requestor }, project);
}

async function moveFiles(ctx: Context, before: InstanceRecord, to: Destination, temporary: Temporary[]): Promise<void> {
  const { project, pool } = before;
  const systemName = systemNameOf({ project, name: to.name });
  const devices = rootIn(ctx, project, before, to.pool);
  checkDevices(devices, deviceWorld(ctx, project));
  const snapshots = ctx.snapshots.list(before);
  await withUndo(async (undo) => {
    const going = { ...before, unfinished: { leftover: { pool: to.pool, name: systemName } } };
    undo.push(async () => finishInstance(ctx, ctx.instances.get(project, before.name)));
    ctx.instances.save(going);
    const content = await takeContent(ctx, going, undefined, going, to.pool, to.instanceOnly ? [] : snapshots, temporary);
    const brought = await bringSnapshots(ctx, before, before, to.pool, to.instanceOnly ? [] : snapshots, temporary);
    const volume = await ctx.pools.driver(to.pool).createFrom(systemName, content, currentIdMap(before), content.isOurs);
    temporary.push({ pool: to.pool, volume });
    const current = ctx.instances.get(project, before.name);
    const moved: InstanceRecord = {
      ...current, name: to.name, pool: to.pool, devices, volume,
      unfinished: { leftover: { pool, name: systemNameOf(before) }, ...(to.name === before.name ? {} : { renamedFrom: systemNameOf(before) }) },
    };
    rememberDiskMap(moved);
    ctx.db.transaction(() => {
      ctx.instances.save(moved);
      if (to.instanceOnly) for (const one of snapshots) ctx.snapshots.remove(one);
      for (const one of brought) ctx.snapshots.save(one);
    })();
    undo.keep();
    temporary.push({ pool, volume: current.volume }, ...snapshots.map((one) => ({ pool, volume: one.volume })));
  });
  await finishInstance(ctx, ctx.instances.get(project, to.name));
}
