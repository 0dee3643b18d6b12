// Moving a stopped instance with its snapshots to another project, perhaps under another name. Its files stay in their pool.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Context } from "../context.ts";
import { checkDevices } from "../devices/check.ts";
import { assertFitsProject } from "../projects/check.ts";
import { assertRootKept } from "./apply.ts";
import { writeBackupFile } from "./backup-file.ts";
import { announceDevices, devicesOf, forgetDevice, rememberDevices, withdrawDevices } from "./devices.ts";
import { assertProfiles, deviceWorld, expandInstance } from "./expanded.ts";
import { finishInstance } from "./finish.ts";
import { chooseIdMap } from "./idmap.ts";
import { releaseVolumes } from "./release.ts";
import { relocate } from "./relocate.ts";
import { assertNameFree } from "./rename.ts";
import type { SnapshotRecord } from "./snapshots/store.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { rootIn } from "./transfer.ts";
import { instanceUrl } from "./view.ts";

export interface ProjectDestination {
  project: string;
  name: string;
  /** Its snapshots are left behind, and deleted. */
  instanceOnly: boolean;
}

/**
 * What an instance is to be in another project. Throws `move_project_running`, `invalid_name`, `instance_exists`,
 * `requested_profile_not_found`, `invalid_device`, `project_limit` or `project_restricted`.
 */
export function planProjectMove(ctx: Context, instance: InstanceRecord, { project, name }: ProjectDestination): InstanceRecord {
  if (ctx.runtime.get(systemNameOf(instance))) throw fail("move_project_running", { name: instance.name });
  assertNameFree(ctx, project, name);
  assertProfiles(ctx, project, instance.profiles);
  const planned = { ...instance, project, name, config: { ...instance.config }, devices: rootIn(ctx, project, instance, instance.pool) };
  const expanded = expandInstance(ctx, planned);
  checkDevices(expanded.devices, deviceWorld(ctx, project));
  assertRootKept(instance, expanded);
  assertFitsProject(ctx, planned);
  return planned;
}

/** Moves an instance; the caller holds the locks of both names. When it fails, it is where it was. */
export async function moveToProject(ctx: Context, project: string, name: string, to: ProjectDestination, requestor: Requestor): Promise<void> {
  await ctx.runtime.settled(systemNameOf({ project, name }));
  await finishInstance(ctx, ctx.instances.get(project, name));
  const before = ctx.instances.get(project, name);
  const moved = planProjectMove(ctx, before, to);
  rememberAnew(ctx, before, moved);
  const snapshots = ctx.snapshots.list(before);
  const kept = to.instanceOnly ? [] : snapshots.map((one): SnapshotRecord => ({ ...one, devices: rootIn(ctx, to.project, one, before.pool) }));
  await relocate(ctx, before, moved, { before: snapshots, after: kept });
  if (to.instanceOnly) await releaseVolumes(ctx, before.pool, snapshots.map(({ volume }) => volume));
  await withdrawDevices(devicesOf(ctx, before, expandInstance(ctx, before)));
  await announceDevices(devicesOf(ctx, moved, expandInstance(ctx, moved)));
  writeBackupFile(ctx, ctx.instances.get(to.project, to.name));
  const context = { type: "container", "storage-pool": moved.pool };
  ctx.events.lifecycle({ action: "instance-created", source: instanceUrl(moved), requestor, context }, to.project);
  ctx.events.lifecycle({ action: "instance-deleted", source: instanceUrl(before), requestor }, project);
}

/** The profiles of another project may bring other devices, and want another map of ids. */
function rememberAnew(ctx: Context, before: InstanceRecord, moved: InstanceRecord): void {
  const [had, has] = [expandInstance(ctx, before), expandInstance(ctx, moved)];
  for (const device of Object.keys(had.devices).filter((one) => !Object.hasOwn(has.devices, one))) forgetDevice(moved, device);
  rememberDevices(ctx, moved, has);
  chooseIdMap(ctx, moved, has);
}
