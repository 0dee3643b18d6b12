// The images the daemon keeps: files below images/, rows in the database, layers in the pools.
import { existsSync, readdirSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";
import { inspectImage } from "../../images/inspect.ts";
import type { Db } from "../db/open.ts";
import { run } from "../host/run.ts";
import { Locks } from "../locks.ts";
import type { Paths } from "../paths.ts";
import type { ProjectStore } from "../projects/store.ts";
import type { StoredImage } from "../storage/driver.ts";
import { type ImageRecord, ImageStore } from "./store.ts";
import type { Upload } from "./upload.ts";

export interface ImportOptions {
  project: string;
  filename: string;
  public: boolean;
  properties: Config;
  profiles: string[];
  /** What the sender says the fingerprint is. */
  expected: string | undefined;
}

export class ImageLibrary {
  readonly store: ImageStore;
  readonly #paths: Paths;
  readonly #locks = new Locks();

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

  /** Takes an upload in, or throws and removes it. */
  async add(upload: Upload, options: ImportOptions): Promise<ImageRecord> {
    try {
      return await this.#locks.run(upload.fingerprint, () => this.#add(upload, options));
    } finally {
      await rm(upload.folder, { recursive: true, force: true });
    }
  }

  async #add(upload: Upload, options: ImportOptions): Promise<ImageRecord> {
    const { fingerprint } = upload;
    if (options.expected && options.expected !== fingerprint) {
      throw fail("image_fingerprint_mismatch", { found: fingerprint, expected: options.expected });
    }
    if (this.store.has(options.project, fingerprint)) throw fail("image_exists");
    const { metadata, layout, rootfs } = await inspectImage({ meta: upload.meta, ...(upload.rootfs ? { rootfs: upload.rootfs } : {}) }, run);
    const target = `${this.#paths.images}/${fingerprint}`;
    if (upload.rootfs) await rename(upload.rootfs, `${target}.rootfs`);
    await rename(upload.meta, target);
    this.store.insert({
      project: options.project, fingerprint, filename: options.filename || upload.filename, size: upload.size,
      architecture: metadata.architecture, layout, rootfs, public: options.public, autoUpdate: false, cached: false,
      properties: { ...metadata.properties, ...options.properties }, profiles: options.profiles,
      createdAt: metadata.creation_date * 1000, expiresAt: metadata.expiry_date * 1000, uploadedAt: Date.now(), lastUsedAt: 0,
    });
    return this.store.get(options.project, fingerprint);
  }

  /** Removes an image; instances made from it keep what they need of it. */
  async remove(image: ImageRecord): Promise<void> {
    await this.#locks.run(image.fingerprint, async () => {
      this.store.remove(image);
      if (this.store.isKnown(image.fingerprint)) return;
      const { meta, rootfs } = this.files(image);
      await rm(meta, { force: true });
      if (rootfs) await rm(rootfs, { force: true });
    });
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
