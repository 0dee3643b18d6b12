// Unpacks an image into a directory of its own: metadata.yaml, templates/ and, if wanted, rootfs/.
import type { Stats } from "node:fs";
import { chmod, chown, lstat, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../server/api/errors.ts";
import { detectFileFormat } from "./compression.ts";
import { extractArchive } from "./extract.ts";
import type { ImageFiles } from "./inspect.ts";

export interface UnpackOptions {
  /** Whether to unpack the root file system, too. */
  rootfs: boolean;
  signal?: AbortSignal;
  /** Hears how many bytes more of what holds the root file system have been read. */
  heard?: ((bytes: number) => void) | undefined;
}

const broken = (reason: string) => fail("image_broken", { reason });
const parts: ReadonlySet<string> = new Set(["metadata.yaml", "templates", "rootfs"]);

async function look(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Takes away whatever an archive has beside the parts of an image. */
async function removeStrangers(target: string): Promise<void> {
  for (const name of await readdir(target)) {
    if (!parts.has(name)) await rm(join(target, name), { recursive: true, force: true });
  }
}

/** No part is anything but what it says: the daemon reads them as root. */
async function assertParts(target: string): Promise<void> {
  const metadata = await look(join(target, "metadata.yaml"));
  if (!metadata) throw broken("metadata.yaml is missing");
  if (!metadata.isFile()) throw broken("metadata.yaml is not a regular file");
  const templates = await look(join(target, "templates"));
  if (templates && !templates.isDirectory()) throw broken("templates is not a directory");
  for (const entry of templates ? await readdir(join(target, "templates"), { withFileTypes: true }) : []) {
    if (!entry.isFile() && !entry.isDirectory()) throw broken(`templates/${entry.name} is not a regular file`);
  }
}

async function assertRootfs(target: string): Promise<void> {
  const rootfs = await look(join(target, "rootfs"));
  if (!rootfs) throw broken("rootfs is missing");
  if (!rootfs.isDirectory()) throw broken("rootfs is not a directory");
}

async function unpackMeta(file: string, target: string, exclude: string | undefined, { signal, heard }: UnpackOptions): Promise<void> {
  const before = await stat(target);
  await extractArchive(file, await detectFileFormat(file), target, { ...(exclude ? { exclude } : { heard }), signal });
  // the archive's root may have changed the directory that the caller made
  if (process.getuid?.() === 0) await chown(target, before.uid, before.gid);
  await chmod(target, before.mode & 0o7777);
}

/** Unpacks the root file system of a split image (tarball or squashfs) into `target`, a new directory. */
export async function unpackRootfs(file: string, target: string, { signal, heard }: Omit<UnpackOptions, "rootfs"> = {}): Promise<void> {
  const format = await detectFileFormat(file, "the rootfs");
  await mkdir(target, { mode: 0o755 });
  await extractArchive(file, format, target, { signal, heard });
}

/**
 * Unpacks into `target`, a fresh directory of the caller's, whose owner and mode stay as they are. A half-filled
 * one is left behind on errors: the caller removes it. Throws as `extractArchive` does.
 */
export async function unpackImage(files: ImageFiles, target: string, options: UnpackOptions): Promise<void> {
  const split = files.rootfs !== undefined;
  await unpackMeta(files.meta, target, split || !options.rootfs ? "rootfs" : undefined, options);
  await removeStrangers(target);
  await assertParts(target);
  // what slipped past the exclusion under another spelling is not waited upon
  if (split || !options.rootfs) await rm(join(target, "rootfs"), { recursive: true, force: true });
  if (files.rootfs !== undefined && options.rootfs) await unpackRootfs(files.rootfs, join(target, "rootfs"), options);
  if (options.rootfs) await assertRootfs(target);
}
