// Bringing a stopped instance up to date with the one that it is a copy of: its files and its snapshots.
import type { Context } from "../context.ts";
import { assertRefreshable, type CopyReservation } from "./copy.ts";
import { finishInstance } from "./finish.ts";
import { replaceContent } from "./replace-content.ts";
import type { SnapshotRecord } from "./snapshots/store.ts";
import { systemNameOf } from "./store.ts";
import { bringSnapshots, type Temporary, takeContent } from "./transfer.ts";

/** Replaces the target's files by the source's; the caller holds the locks of both. Its configuration stays. */
export async function refreshInstance(ctx: Context, { source: { project, name }, snapshot, target: { project: targetProject, name: targetName }, instanceOnly }: CopyReservation, temporary: Temporary[]): Promise<void> {
  for (const one of [{ project, name }, { project: targetProject, name: targetName }]) await ctx.runtime.settled(systemNameOf(one));
  const source = ctx.instances.get(project, name);
  await finishInstance(ctx, ctx.instances.get(targetProject, targetName));
  const target = assertRefreshable(ctx, ctx.instances.get(targetProject, targetName), source);
  const { missing, outdated } = instanceOnly ? { missing: [], outdated: [] } : compareSnapshots(ctx.snapshots.list(source), ctx.snapshots.list(target));
  const content = await takeContent(ctx, source, snapshot, target, target.pool, missing, temporary);
  const brought = await bringSnapshots(ctx, source, target, target.pool, missing, temporary);
  await replaceContent(ctx, { ...target, config: { ...target.config, ...baseImageOf(source.config) } }, { content, brought, outdated });
}

function baseImageOf(config: Readonly<Record<string, string>>): Record<string, string> {
  const key = "volatile.base_image";
  return config[key] === undefined ? {} : { [key]: config[key] };
}

/** Which of the source's are not among the target's, and which of the target's the source does not have. */
export function compareSnapshots(ofSource: readonly SnapshotRecord[], ofTarget: readonly SnapshotRecord[]): { missing: SnapshotRecord[]; outdated: SnapshotRecord[] } {
  const same = (a: SnapshotRecord, b: SnapshotRecord) => a.name === b.name && a.createdAt.getTime() === b.createdAt.getTime();
  return {
    missing: ofSource.filter((one) => !ofTarget.some((other) => same(one, other))),
    outdated: ofTarget.filter((one) => !ofSource.some((other) => same(one, other))),
  };
}
