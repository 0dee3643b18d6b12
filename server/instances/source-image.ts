// The image that a request for an instance names: one that is here, or another server's, which is fetched first.
import { statSync } from "node:fs";
import { fail } from "../api/errors.ts";
import { isTrue } from "../api/config-keys/key.ts";
import type { Requestor } from "../api/events.ts";
import type { InstancesPost } from "../api/instances.ts";
import { Progress } from "../../images/progress.ts";
import type { Context } from "../context.ts";
import { checkWanted, fetchImage, type Waiting, type Wanted } from "../image-library/download.ts";
import { imageSetting } from "../image-library/settings.ts";
import type { ImageRecord } from "../image-library/store.ts";
import { takeArchitecture } from "./architecture.ts";

type Source = NonNullable<InstancesPost["source"]>;

/** The image a source names; undefined for an empty instance. */
export function findImage(ctx: Context, project: string, source: InstancesPost["source"]): ImageRecord | undefined {
  if (source?.type === "none") return undefined;
  if (source?.type !== "image") throw fail("source_unsupported", { type: source?.type ?? "" });
  const image = ctx.images.store.get(project, fingerprintOf(ctx, project, source));
  takeArchitecture(image.architecture);
  return image;
}

function fingerprintOf(ctx: Context, project: string, source: Source): string {
  if (source.fingerprint) return source.fingerprint;
  if (source.alias) return ctx.images.store.getAlias(project, source.alias).target;
  const wanted = Object.entries(source.properties ?? {});
  const matches = wanted.length === 0 ? [] : ctx.images.store.list(project).filter((image) => wanted.every(([key, value]) => image.properties[key] === value));
  const newest = matches.sort((a, b) => b.createdAt - a.createdAt)[0];
  if (!newest) throw fail(wanted.length > 0 ? "image_not_found" : "image_source_missing");
  return newest.fingerprint;
}

/** Whether the image of a source has to be fetched from another server. */
export function isRemote(source: InstancesPost["source"]): source is Source {
  return source?.type === "image" && Boolean(source.server);
}

/** What is to be fetched for a source. Throws `image_source_missing` or `bad_request`. */
export function readRemote(ctx: Context, project: string, source: Source): Wanted {
  const name = source.fingerprint || source.alias;
  if (!name) throw fail("image_source_missing");
  const wanted: Wanted = {
    project, server: source.server ?? "", protocol: source.protocol ?? "", name, certificate: source.certificate ?? "", secret: source.secret ?? "",
    sourceProject: source.project ?? "", preferKept: true,
    options: { public: false, profiles: ["default"], cached: true, autoUpdate: isTrue(imageSetting(ctx, project, "images.auto_update_cached")) },
  };
  checkWanted(wanted);
  return wanted;
}

/** The same source, of the image that has been fetched for it. */
export async function fetchSource(ctx: Context, wanted: Wanted, waiting: Waiting, requestor: Requestor): Promise<Source> {
  const { fingerprint } = await fetchImage(ctx, wanted, waiting, requestor);
  return { type: "image", fingerprint };
}

/** What an image's properties are among an instance's configuration. */
export function imageConfig(image: ImageRecord | undefined): Record<string, string> {
  if (!image) return {};
  const properties = Object.entries(image.properties).map(([key, value]) => [`image.${key}`, value]);
  return { ...Object.fromEntries(properties), "volatile.base_image": image.fingerprint };
}

/** Makes an image ready in a pool, and says so when that takes long. */
export async function readyImage(ctx: Context, pool: string, image: ImageRecord, key: string, tell: (metadata: Record<string, string>) => void) {
  const driver = ctx.pools.driver(pool);
  return ctx.images.lend(image, async (stored) => {
    const isNew = !driver.hasImage(stored.fingerprint);
    if (isNew && !ctx.images.store.isKnown(stored.fingerprint)) throw fail("image_not_found");
    if (isNew && stored.rootfsFormat === "tar") tell({ [key]: "Unpack: the image is used for the first time" });
    const progress = new Progress((text) => tell({ [key]: `Unpack: ${text}` }), isNew ? statSync(stored.rootfs ?? stored.meta).size : undefined);
    await driver.ensureImage(stored, (bytes) => progress.add(bytes));
    return stored;
  });
}

/** Notes that an image has been used. */
export function touchImage(ctx: Context, image: ImageRecord): void {
  ctx.images.store.touch(image, Date.now());
}
