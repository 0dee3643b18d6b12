// Letting go of what volumes needed in their pool, once no record names it.
import type { Context } from "../context.ts";
import { removeUnusedLayers } from "../image-library/layers.ts";
import type { VolumeRecord } from "../storage/driver.ts";

/** Removes what these volumes had and no other has; their rows are gone or changed already. */
export async function releaseVolumes(ctx: Context, pool: string, volumes: readonly VolumeRecord[]): Promise<void> {
  const ids = new Set(volumes.flatMap(({ own, layers }) => [own, ...layers]));
  if (ctx.pools.has(pool)) await ctx.pools.driver(pool).discard([...ids].filter((id) => id !== "" && !ctx.instances.usesFolder(pool, id)));
  for (const image of new Set(volumes.map((volume) => volume.image))) await removeUnusedLayers(ctx, image);
}
