// Replacing an image by the one that its source has now under the alias it was fetched by. The old one stays until the new one is in.
import type { Requestor } from "../api/events.ts";
import { fail } from "../api/errors.ts";
import type { Context } from "../context.ts";
import { explain, log } from "../log.ts";
import { fetchContext, fetchFound, findRemote, type Waiting, type Wanted } from "./download.ts";
import { removeUnusedLayers } from "./layers.ts";
import type { ImageRecord } from "./store.ts";
import { tellImage } from "./view.ts";

/** Throws `image_without_source`. */
export function assertRefreshable({ source }: ImageRecord): void {
  if (!source) throw fail("image_without_source");
}

/** Resolves with whether there was a newer one. Throws what a download does; nothing has changed then. */
export async function refreshImage(ctx: Context, image: ImageRecord, waiting: Waiting, requestor?: Requestor): Promise<boolean> {
  const { source, project, fingerprint, profiles, cached, autoUpdate } = image;
  if (!source) throw fail("image_without_source");
  const wanted: Wanted = {
    project, server: source.server, protocol: source.protocol, certificate: source.certificate, name: source.alias,
    options: { public: image.public, profiles, cached, autoUpdate },
  };
  const found = await findRemote(wanted, { ...fetchContext(ctx, project, waiting.signal), anew: true });
  if (found.fingerprint === fingerprint) return false;
  const next = await fetchFound(ctx, wanted, found, waiting, requestor);
  await readyWhereItWas(ctx, image, next);
  await ctx.images.replace(ctx.images.store.get(project, fingerprint), next);
  await removeUnusedLayers(ctx, fingerprint);
  tellImage(ctx, "refreshed", image, requestor);
  return true;
}

/** Pools that have the old one get the new one, so that the next instance need not wait for it. */
async function readyWhereItWas(ctx: Context, old: ImageRecord, next: ImageRecord): Promise<void> {
  for (const [pool, driver] of ctx.pools.drivers()) {
    if (!driver.hasImage(old.fingerprint) || driver.hasImage(next.fingerprint)) continue;
    await ctx.images.lend(next, (files) => driver.ensureImage(files)).catch((error) => log.warn("a newer image was not made ready", { pool, error: explain(error) }));
  }
}
