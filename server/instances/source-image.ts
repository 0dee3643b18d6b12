// The image that a request for an instance names.
import { fail } from "../api/errors.ts";
import type { InstancesPost } from "../api/instances.ts";
import { hostArchitecture } from "../../images/metadata.ts";
import type { Context } from "../context.ts";
import type { ImageRecord } from "../image-library/store.ts";

/** The image a source names; undefined for an empty instance. */
export function findImage(ctx: Context, project: string, source: InstancesPost["source"]): ImageRecord | undefined {
  if (source?.type === "none") return undefined;
  if (source?.type !== "image") throw fail("source_unsupported", { type: source?.type ?? "" });
  if (source.server) throw fail("image_source_unsupported", { type: "remote server" });
  const image = ctx.images.store.get(project, fingerprintOf(ctx, project, source));
  const host = hostArchitecture();
  const fits = image.architecture === host || (host === "x86_64" && image.architecture === "i686") || (host === "aarch64" && image.architecture === "armv7l");
  if (!fits) throw fail("image_architecture", { architecture: image.architecture, host });
  return image;
}

function fingerprintOf(ctx: Context, project: string, source: NonNullable<InstancesPost["source"]>): string {
  if (source.fingerprint) return source.fingerprint;
  if (source.alias) return ctx.images.store.getAlias(project, source.alias).target;
  const wanted = Object.entries(source.properties ?? {});
  const match = wanted.length > 0 && ctx.images.store.list(project).find((image) => wanted.every(([key, value]) => image.properties[key] === value));
  if (!match) throw fail("bad_body", { reason: "source needs fingerprint, alias or properties of an image" });
  return match.fingerprint;
}

/** What an image's properties are among an instance's configuration. */
export function imageConfig(image: ImageRecord | undefined): Record<string, string> {
  if (!image) return {};
  const properties = Object.entries(image.properties).map(([key, value]) => [`image.${key}`, value]);
  return { ...Object.fromEntries(properties), "volatile.base_image": image.fingerprint };
}

/** Makes an image ready in a pool, and says so when that takes long. */
export async function readyImage(ctx: Context, pool: string, image: ImageRecord, key: string, tell: (metadata: Record<string, string>) => void) {
  const [stored, driver] = [ctx.images.files(image), ctx.pools.driver(pool)];
  if (stored.rootfsFormat === "tar" && !driver.hasImage(stored.fingerprint)) tell({ [key]: "Unpack: the image is used for the first time" });
  await driver.ensureImage(stored);
  return stored;
}

/** Notes that an image has been used. */
export function touchImage(ctx: Context, image: ImageRecord): void {
  if (!ctx.images.store.has(image.project, image.fingerprint)) return;
  ctx.images.store.save({ ...ctx.images.store.get(image.project, image.fingerprint), lastUsedAt: Date.now() });
}
