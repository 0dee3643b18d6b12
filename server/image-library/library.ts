// The images the daemon keeps: files below images/, rows in the database, layers in the pools.
import { existsSync, readdirSync } from "node:fs";
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";
import { fingerprintFiles } from "../../images/fingerprint.ts";
import { type ImageInspection, inspectImage } from "../../images/inspect.ts";
import { formatMetadata } from "../../images/metadata.ts";
import { endOfArchive, packMembers } from "../../images/tar-write.ts";
import type { Db } from "../db/open.ts";
import { run } from "../host/run.ts";
import { Locks } from "../locks.ts";
import type { Paths } from "../paths.ts";
import type { ProjectStore } from "../projects/store.ts";
import type { StoredImage } from "../storage/driver.ts";
import { Downloads } from "./downloads.ts";
import { type ImageRecord, type ImageSource, ImageStore } from "./store.ts";
import { ImageTokens } from "./tokens.ts";
import type { Upload } from "./upload.ts";

/** What an image is to be besides its files. */
export interface ImageOptions {
  project: string;
  filename: string;
  public: boolean;
  profiles: string[];
  /** Those of its metadata.yaml when absent. */
  properties?: Config | undefined;
  /** Besides them. */
  moreProperties?: Config;
  /** ms since the epoch; as its metadata.yaml says when absent. */
  createdAt?: number;
  expiresAt?: number | undefined;
  /** What the sender says the fingerprint is. */
  expected?: string | undefined;
  autoUpdate?: boolean;
  /** Fetched for an instance: it goes when it is not used any more. */
  cached?: boolean;
  source?: ImageSource | undefined;
  aliases?: readonly { name: string; description?: string }[];
}

/** Files that have been looked at. */
type Inspected = Upload & Pick<ImageInspection, "metadata"> & { layout: ImageRecord["layout"]; rootfsFormat: ImageInspection["rootfs"] };

export class ImageLibrary {
  readonly store: ImageStore;
  readonly tokens = new ImageTokens();
  readonly downloads = new Downloads();
  /** By fingerprint. */
  readonly #locks = new Locks();
  readonly #paths: Paths;

  constructor(db: Db, paths: Paths, projects: ProjectStore) {
    this.store = new ImageStore(db, projects);
    this.#paths = paths;
  }

  /** The files of an image. */
  files(image: ImageRecord): StoredImage {
    const file = `${this.#paths.images}/${image.fingerprint}`;
    return {
      fingerprint: image.fingerprint, meta: file,
      rootfs: image.layout === "split" ? `${file}.rootfs` : undefined, rootfsFormat: image.rootfs,
    };
  }

  /** Lends the files of an image: nobody removes it meanwhile. */
  lend<T>(image: ImageRecord, work: (files: StoredImage) => Promise<T>): Promise<T> {
    return this.#locks.run(image.fingerprint, () => work(this.files(image)));
  }

  /** Takes an upload in, or throws and removes it. */
  async add(upload: Upload, options: ImageOptions): Promise<ImageRecord> {
    try {
      if (options.expected && options.expected !== upload.fingerprint) {
        throw fail("image_fingerprint_mismatch", { found: upload.fingerprint, expected: options.expected });
      }
      if (this.store.has(options.project, upload.fingerprint)) throw fail("image_exists");
      const inspected = await inspect(upload);
      return await this.#locks.run(inspected.fingerprint, () => this.#add(inspected, options));
    } finally {
      await rm(upload.folder, { recursive: true, force: true });
    }
  }

  async #add(files: Inspected, options: ImageOptions): Promise<ImageRecord> {
    const { fingerprint, metadata } = files;
    if (this.store.has(options.project, fingerprint)) throw fail("image_exists");
    const target = `${this.#paths.images}/${fingerprint}`;
    if (files.rootfs) await rename(files.rootfs, `${target}.rootfs`);
    await rename(files.meta, target);
    const record = {
      project: options.project, fingerprint, filename: files.filename || options.filename, size: files.size,
      architecture: metadata.architecture, layout: files.layout, rootfs: files.rootfsFormat, public: options.public,
      autoUpdate: options.autoUpdate ?? false, cached: options.cached ?? false, properties: { ...(options.properties ?? metadata.properties), ...options.moreProperties },
      profiles: options.profiles, createdAt: options.createdAt ?? metadata.creation_date * 1000, expiresAt: options.expiresAt ?? metadata.expiry_date * 1000,
      uploadedAt: Date.now(), lastUsedAt: 0, source: options.source,
    };
    try {
      this.store.insert(record, options.aliases);
    } catch (error) {
      await this.#removeFiles({ id: 0, ...record });
      throw error;
    }
    return this.store.get(options.project, fingerprint);
  }

  /** Gives a project an image that another one has. */
  share(image: ImageRecord, options: ImageOptions): Promise<ImageRecord> {
    return this.#locks.run(image.fingerprint, async () => {
      const had = this.store.findAnywhere(image.fingerprint);
      if (!had) throw fail("image_not_found");
      this.store.insert({
        ...had, project: options.project, public: options.public, autoUpdate: options.autoUpdate ?? false, cached: options.cached ?? false,
        profiles: options.profiles, properties: { ...had.properties, ...options.moreProperties }, uploadedAt: Date.now(), lastUsedAt: 0, source: options.source,
      }, options.aliases);
      return this.store.get(options.project, image.fingerprint);
    });
  }

  /** Removes an image; instances made from it keep what they need of it. */
  async remove(image: ImageRecord): Promise<void> {
    await this.#locks.run(image.fingerprint, async () => {
      this.store.remove(image);
      await this.#removeFiles(image);
    });
  }

  /** Lets a newer image take an older one's place. */
  async replace(old: ImageRecord, next: ImageRecord): Promise<void> {
    await this.#locks.run(old.fingerprint, async () => {
      this.store.replace(old, next);
      await this.#removeFiles(old);
    });
  }

  /** Removes the files of an image that no project has any more. */
  async #removeFiles(image: ImageRecord): Promise<void> {
    if (this.store.isKnown(image.fingerprint)) return;
    const { meta, rootfs } = this.files(image);
    await rm(meta, { force: true });
    if (rootfs) await rm(rootfs, { force: true });
  }

  /** Clears away uploads that never ended, and files of images that are no more. */
  async clean(): Promise<void> {
    if (!existsSync(this.#paths.images)) return;
    for (const entry of readdirSync(this.#paths.images)) {
      if (entry.startsWith(".upload-") || !this.store.isKnown(entry.replace(/\.rootfs$/, ""))) {
        await rm(`${this.#paths.images}/${entry}`, { recursive: true, force: true });
      }
    }
  }
}

/** Looks at an upload. A root file system alone gets a metadata tarball, and is a split image from then on. */
async function inspect(upload: Upload): Promise<Inspected> {
  const { metadata, layout, rootfs } = await inspectImage({ meta: upload.meta, ...(upload.rootfs ? { rootfs: upload.rootfs } : {}) }, run);
  if (layout !== "bare") return { ...upload, metadata, layout, rootfsFormat: rootfs };
  const meta = `${upload.folder}/made-up`;
  const data = Buffer.from(formatMetadata(metadata));
  await writeFile(meta, Buffer.concat([packMembers([{ name: "metadata.yaml", data, mode: 0o644, mtime: metadata.creation_date }]), endOfArchive]), { mode: 0o600 });
  const files = { meta, rootfs: upload.meta };
  const fingerprint = await fingerprintFiles([files.meta, files.rootfs]);
  return { ...upload, ...files, fingerprint, size: upload.size + (await stat(meta)).size, metadata, layout: "split", rootfsFormat: rootfs };
}
