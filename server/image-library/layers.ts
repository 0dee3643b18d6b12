// The part of an image that pools hold.
import type { Context } from "../context.ts";

/** Removes an image's layers from the pools where neither the image nor an instance needs them any more. */
export async function removeUnusedLayers(ctx: Context, fingerprint: string): Promise<void> {
  if (fingerprint === "" || ctx.images.store.isKnown(fingerprint)) return;
  for (const [pool, driver] of ctx.pools.drivers()) {
    if (!ctx.instances.usesImage(pool, fingerprint)) await driver.removeImage(fingerprint);
  }
}
