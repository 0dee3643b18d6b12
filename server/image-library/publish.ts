// Making an image of an instance or of one of its snapshots.
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { compression } from "../api/config-keys/compression.ts";
import { fail } from "../api/errors.ts";
import type { ImagesPost } from "../api/images.ts";
import { formatMetadata, type ImageMetadata, parseMetadata } from "../../images/metadata.ts";
import { packImage, type PackSource } from "../../images/pack.ts";
import { Progress } from "../../images/progress.ts";
import type { Context } from "../context.ts";
import { run } from "../host/run.ts";
import { type IdMap, userNamespace } from "../host/user-namespace.ts";
import { releaseVolumes } from "../instances/release.ts";
import { diskMap } from "../instances/shift.ts";
import { type InstanceRecord, systemNameOf } from "../instances/store.ts";
import { releaseAll, takeNow, type Temporary } from "../instances/transfer.ts";
import { isPrivileged, noMap } from "../lxc/idmap.ts";
import type { Operation } from "../operations/operation.ts";
import type { LentFiles, VolumeRecord } from "../storage/driver.ts";
import { imageSetting } from "./settings.ts";
import type { ImageRecord } from "./store.ts";
import { parseTime } from "./view.ts";
import { type Upload, withFolder } from "./upload.ts";

export interface Publication {
  project: string;
  instance: string;
  snapshot: string | undefined;
  post: ImagesPost;
  compression: string;
  expiresAt: number | undefined;
}

/** Checks a request to publish. Throws what is wrong. */
export function readPublication(ctx: Context, project: string, post: ImagesPost): Publication {
  const { type, name = "" } = post.source ?? {};
  if (!name) throw fail("bad_request", { reason: "No source provided" });
  const [instance = "", snapshot] = name.split("/", 2);
  if (type === "snapshot" && snapshot === undefined) throw fail("bad_request", { reason: "Not a snapshot" });
  if (type !== "snapshot" && snapshot !== undefined) throw fail("bad_request", { reason: "This is a snapshot" });
  const algorithm = post.compression_algorithm || imageSetting(ctx, project, "images.compression_algorithm");
  const reason = compression(algorithm);
  if (reason) throw fail("invalid_config_value", { key: "compression_algorithm", reason: `"${algorithm.slice(0, 80)}": ${reason}` });
  const source = ctx.instances.get(project, instance);
  if (snapshot === undefined) assertStopped(ctx, source);
  else ctx.snapshots.get(source, snapshot);
  return { project, instance, snapshot, post, compression: algorithm, expiresAt: parseTime(post.expires_at) };
}

function assertStopped(ctx: Context, instance: InstanceRecord): void {
  if (ctx.runtime.get(systemNameOf(instance))) throw fail("publish_running");
}

/** Packs the image. The instance is kept from others only until what is packed cannot change any more. */
export async function publish(ctx: Context, publication: Publication, operation: Operation): Promise<ImageRecord> {
  const { project, instance: name, snapshot } = publication;
  const pack = (record: InstanceRecord, map: IdMap) => (files: LentFiles) => packUpload(ctx, publication, record, files, map, operation);
  if (snapshot !== undefined) {
    const instance = ctx.instances.get(project, name);
    const { volume, config } = ctx.snapshots.get(instance, snapshot);
    return lend(ctx, instance, volume, pack(instance, volume.kind === "overlay" ? noMap : diskMap(config)));
  }
  const { packing } = await ctx.locks.run(systemNameOf({ project, name }), async () => {
    await ctx.runtime.settled(systemNameOf({ project, name }));
    const instance = ctx.instances.get(project, name);
    assertStopped(ctx, instance);
    if (instance.volume.kind !== "overlay") {
      const packed = await ctx.pools.driver(instance.pool).lend(instance.volume, systemNameOf(instance), pack(instance, diskMap(instance.config)));
      return { packing: packed };
    }
    const temporary: Temporary[] = [];
    const { record } = await takeNow(ctx, instance, temporary);
    return { packing: lend(ctx, instance, record, pack(instance, noMap)).finally(() => releaseAll(ctx, temporary)) }; // others need not wait for it
  });
  return packing;
}

async function lend<T>(ctx: Context, { pool }: InstanceRecord, volume: VolumeRecord, work: (files: LentFiles) => Promise<T>): Promise<T> {
  try {
    return await ctx.instances.whileReading(pool, volume, () => ctx.pools.driver(pool).lend(volume, undefined, work));
  } finally {
    await releaseVolumes(ctx, pool, [volume]); // it may have been deleted meanwhile
  }
}

async function packUpload(ctx: Context, publication: Publication, instance: InstanceRecord, files: LentFiles, map: IdMap, operation: Operation): Promise<ImageRecord> {
  const { post, project, expiresAt } = publication;
  const metadata = await metadataOf(publication, instance, files.folder);
  const source: PackSource = {
    ...metadata, templates: await templatesIn(`${files.folder}/templates`), rootfs: files.rootfs,
    namespace: isPrivileged(map) ? undefined : await userNamespace(map), mtime: metadata.about.creation_date,
  };
  const progress = new Progress((text, { processed, percent, speed }) => operation.update({
    progress: { stage: "create_image_from_container_pack", processed: String(processed), percent: String(percent), speed: String(speed) },
    create_image_from_container_pack_progress: `Image pack: ${text}`,
  }));
  void sizeOf(files.rootfs, operation.signal).then((total) => { progress.total = total; });
  const upload = await withFolder(ctx.paths.images, async (folder): Promise<Upload> => {
    const meta = `${folder}/meta`;
    const packed = await packImage(source, meta, { compression: publication.compression, signal: operation.signal, packed: (bytes) => progress.add(bytes) });
    return { folder, meta, rootfs: undefined, filename: "", ...packed };
  });
  operation.update({ fingerprint: upload.fingerprint, size: String(upload.size) });
  return ctx.images.add(upload, {
    project, filename: post.filename ?? "", public: post.public ?? false, profiles: post.profiles ?? ["default"], createdAt: Date.now(),
    expiresAt, aliases: post.aliases ?? [], autoUpdate: false,
  });
}

/** The instance's own metadata.yaml, as it stands there unless the request changes it. */
async function metadataOf({ post, expiresAt }: Publication, { architecture }: InstanceRecord, folder: string): Promise<{ metadata: string; about: ImageMetadata }> {
  const file = `${folder}/metadata.yaml`;
  const text = existsSync(file) ? await readFile(file, "utf8") : undefined;
  const had = text === undefined ? { architecture, creation_date: Math.trunc(Date.now() / 1000), expiry_date: 0, properties: {}, templates: {} } : parseMetadata(text);
  const about = { ...had, properties: post.properties ?? had.properties, expiry_date: expiresAt ? Math.trunc(expiresAt / 1000) : had.expiry_date };
  return { metadata: text !== undefined && !post.properties && !expiresAt ? text : formatMetadata(about), about };
}

async function templatesIn(folder: string): Promise<Map<string, Buffer>> {
  const entries = existsSync(folder) ? await readdir(folder, { withFileTypes: true }) : [];
  const files = entries.filter((entry) => entry.isFile());
  return new Map(await Promise.all(files.map(async ({ name }): Promise<[string, Buffer]> => [name, await readFile(`${folder}/${name}`)])));
}

/** About how many bytes the tarball will have; undefined when that cannot be told. */
async function sizeOf(rootfs: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const { stdout } = await run("du", ["--bytes", "--summarize", "--one-file-system", rootfs], { signal, alsoGood: [1] });
    return Number.parseInt(stdout, 10) || undefined;
  } catch {
    return undefined;
  }
}
