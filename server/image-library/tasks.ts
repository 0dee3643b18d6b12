// What is done about images every hour: those that are kept up to date are compared with their sources, those that were fetched for
// an instance and are used no more are deleted. Each is a background operation of no project, as in LXD, and there is none when
// there is nothing to do.
import type { Context } from "../context.ts";
import { explain, log } from "../log.ts";
import { removeUnusedLayers } from "./layers.ts";
import { refreshImage } from "./refresh.ts";
import { imageSetting } from "./settings.ts";
import type { ImageRecord } from "./store.ts";
import { tellImage } from "./view.ts";

const hour = 3_600_000;
const day = 24 * hour;

/** Starts each hour's work, and does it once soon after the start; the result ends it. */
export function keepImages(ctx: Context): () => void {
  let hours = 0;
  const work = (passed: number) => {
    try {
      doImageWork(ctx, passed, Date.now());
    } catch (error) {
      log.error("the hour's work on images failed", { error: explain(error) });
    }
  };
  const timer = setInterval(() => work(++hours), hour).unref();
  const first = setTimeout(() => work(0), 10_000).unref(); // so that they are also kept where the daemon never runs for long
  return () => {
    clearInterval(timer);
    clearTimeout(first);
  };
}

/** Begins what is to be done so many hours after the daemon's start. */
export function doImageWork(ctx: Context, hours: number, now: number): void {
  const due = ctx.images.store.listUpdatable().filter(({ project }) => {
    const interval = Number(imageSetting(ctx, project, "images.auto_update_interval"));
    return interval > 0 && hours % interval === 0;
  });
  if (due.length > 0) update(ctx, due);
  const unused = ctx.projects.list().filter(({ name }) => ctx.projects.owner(name, "images") === name).flatMap(({ name }) => {
    const days = Number(imageSetting(ctx, name, "images.remote_cache_expiry"));
    return days > 0 ? ctx.images.store.listUnused(name, now - days * day) : [];
  });
  if (unused.length > 0) expire(ctx, unused);
}

function update(ctx: Context, due: readonly ImageRecord[]): void {
  ctx.operations.start({
    description: "Updating images", project: "", cancellable: true,
    run: (operation) => eachOnItsOwn(ctx, due, "an image was not updated", async (image) => {
      operation.signal.throwIfAborted();
      await refreshImage(ctx, image, { signal: operation.signal, update: () => {} });
    }),
  });
}

function expire(ctx: Context, unused: readonly ImageRecord[]): void {
  ctx.operations.start({
    description: "Cleaning up expired images", project: "",
    run: () => eachOnItsOwn(ctx, unused, "an expired image was not deleted", async (image) => {
      await ctx.images.remove(image);
      await removeUnusedLayers(ctx, image.fingerprint);
      tellImage(ctx, "deleted", image);
    }),
  });
}

/** One that fails does not keep the others from theirs; one that is gone meanwhile is passed over. */
async function eachOnItsOwn(ctx: Context, images: readonly ImageRecord[], complaint: string, work: (image: ImageRecord) => Promise<void>): Promise<void> {
  for (const { project, fingerprint } of images) {
    if (ctx.shutdown.begun) return;
    if (!ctx.images.store.has(project, fingerprint)) continue;
    await work(ctx.images.store.get(project, fingerprint)).catch((error) => log.error(complaint, { fingerprint, error: explain(error) }));
  }
}
