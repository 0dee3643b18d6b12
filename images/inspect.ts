// Is this an image, and which kind? Reads the metadata and looks at both ends of the files, no more.
import { fail, isCode } from "../server/api/errors.ts";
import type { Run } from "../server/host/run.ts";
import { readRegular, scanArchive } from "./archive.ts";
import { BareLook } from "./bare.ts";
import { detectFileFormat, type ImageFormat } from "./compression.ts";
import { assertWhole } from "./integrity.ts";
import { type ImageMetadata, metadataLimit, parseMetadata } from "./metadata.ts";

export interface ImageFiles {
  /** The unified image, or the metadata part of a split one. */
  meta: string;
  rootfs?: string;
}

export interface ImageInspection {
  metadata: ImageMetadata;
  /** bare: a tarball of a root file system alone, whose metadata is made up. */
  layout: "unified" | "split" | "bare";
  /** What holds the root file system; in a unified squashfs it is the folder rootfs. */
  rootfs: "tar" | "squashfs";
}

const broken = (reason: string) => fail("image_broken", { reason });

/** Reads metadata.yaml, or makes it up for a root file system; a unified image is read on until its rootfs shows. */
async function readFromTar(file: string, format: ImageFormat, unified: boolean, signal?: AbortSignal): Promise<Pick<ImageInspection, "metadata" | "layout">> {
  let metadata: Buffer | undefined;
  let rootfs = !unified;
  const bare = new BareLook();
  await scanArchive(file, format, async (member) => {
    if (member.name === "rootfs" || member.name.startsWith("rootfs/")) rootfs = true;
    if (member.name === "metadata.yaml" && !metadata) metadata = await readRegular(member, metadataLimit);
    else if (unified && !metadata && !rootfs) await bare.visit(member);
    return !(metadata && rootfs);
  }, signal);
  const madeUp = metadata || rootfs ? undefined : bare.metadata();
  if (madeUp) return { metadata: madeUp, layout: "bare" };
  if (!metadata) throw broken("metadata.yaml is missing");
  if (!rootfs) throw broken("rootfs is missing");
  return { metadata: parseMetadata(metadata.toString("utf8")), layout: unified ? "unified" : "split" };
}

async function readFromSquashfs(file: string, unified: boolean, run: Run, signal?: AbortSignal): Promise<string> {
  const options = { timeout: 60_000, ...(signal ? { signal } : {}) };
  try {
    const { stdout: list } = await run("unsquashfs", ["-l", "-max-depth", "1", "-d", "", file], options);
    const names = new Set(list.split("\n"));
    if (!names.has("/metadata.yaml")) throw broken("metadata.yaml is missing");
    if (unified && !names.has("/rootfs")) throw broken("rootfs is missing");
    return (await run("unsquashfs", ["-cat", file, "metadata.yaml"], options)).stdout;
  } catch (error) {
    if (isCode(error, "tool_failed")) throw fail("image_broken", { reason: error.message }, error);
    throw error;
  }
}

/** A rootfs tarball has at least one member that can be read. */
async function assertTarball(file: string, format: ImageFormat, signal?: AbortSignal): Promise<void> {
  let members = 0;
  await scanArchive(file, format, () => members++ > 0, signal);
  if (members === 0) throw broken("the rootfs tarball is empty");
}

/**
 * Checks local files and tells what they are. Does not decompress more than it takes to find metadata.yaml
 * (and, in a unified image, the first member of rootfs). Throws `image_broken`, `image_too_large`, `tool_missing`.
 */
export async function inspectImage(files: ImageFiles, run: Run, options: { signal?: AbortSignal } = {}): Promise<ImageInspection> {
  const unified = files.rootfs === undefined;
  const metaName = unified ? "the image" : "the metadata archive";
  const format = await detectFileFormat(files.meta, metaName);
  await assertWhole(files.meta, format, metaName, run);
  let rootfsFormat = format;
  if (files.rootfs !== undefined) {
    rootfsFormat = await detectFileFormat(files.rootfs, "the rootfs");
    await assertWhole(files.rootfs, rootfsFormat, "the rootfs", run);
    if (rootfsFormat !== "squashfs") await assertTarball(files.rootfs, rootfsFormat, options.signal);
  }
  const about = format === "squashfs"
    ? { metadata: parseMetadata(await readFromSquashfs(files.meta, unified, run, options.signal)), layout: unified ? "unified" as const : "split" as const }
    : await readFromTar(files.meta, format, unified, options.signal);
  return { ...about, rootfs: rootfsFormat === "squashfs" ? "squashfs" : "tar" };
}
