// Beginning anew: an instance keeps its name, configuration and snapshots, and gets the files of an image, or none.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Context } from "../context.ts";
import type { ImageRecord } from "../image-library/store.ts";
import { removeUnusedLayers } from "../image-library/layers.ts";
import { withUndo } from "../undo.ts";
import { writeBackupFile } from "./backup-file.ts";
import { finishInstance } from "./finish.ts";
import { currentIdMap } from "./idmap.ts";
import { releaseVolumes } from "./release.ts";
import { rememberDiskMap } from "./shift.ts";
import { imageConfig, readyImage, touchImage } from "./source-image.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "./store.ts";
import { instanceUrl } from "./view.ts";

/** Throws `rebuild_running`. */
export function assertRebuildable(ctx: Context, instance: InstanceRecord): void {
  if (ctx.runtime.get(systemNameOf(instance))) throw fail("rebuild_running", { name: instance.name });
}

/** Rebuilds an instance from an image, or empty; the caller holds its lock. */
export async function rebuildInstance(ctx: Context, project: string, name: string, image: ImageRecord | undefined, requestor: Requestor, tell: (metadata: Record<string, string>) => void): Promise<void> {
  await ctx.runtime.settled(systemNameOf({ project, name }));
  await finishInstance(ctx, ctx.instances.get(project, name));
  const before = ctx.instances.get(project, name);
  assertRebuildable(ctx, before);
  await withUndo(async (undo) => {
    undo.push(() => removeUnusedLayers(ctx, image?.fingerprint ?? ""));
    const stored = image && (await readyImage(ctx, before.pool, image, "rebuild_instance_unpack_progress", tell));
    await ctx.pools.driver(before.pool).rebuild(volumeOf(before), stored, currentIdMap(before), (volume, replaceBy) => {
      const kept = Object.entries(before.config).filter(([key]) => !key.startsWith("image.") && key !== "volatile.base_image");
      const config = { ...Object.fromEntries(kept), ...imageConfig(image), "volatile.apply_template": "create" };
      const next = { ...before, config, volume, unfinished: { replaceBy } };
      rememberDiskMap(next);
      ctx.instances.save(next);
      undo.keep();
    });
  });
  const rebuilt = { ...ctx.instances.get(project, name), unfinished: {} };
  ctx.instances.save(rebuilt);
  if (image) touchImage(ctx, image);
  writeBackupFile(ctx, rebuilt);
  await releaseVolumes(ctx, before.pool, [before.volume]);
  ctx.events.lifecycle({ action: "instance-updated", source: instanceUrl(rebuilt), requestor }, project);
}
