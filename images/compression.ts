// The formats that image files come in, told by their first bytes, and the programs that read them.
import { open } from "node:fs/promises";
import { fail } from "../server/api/errors.ts";

export type Compression = "gzip" | "xz" | "lzma" | "bzip2" | "zstd";
export type ImageFormat = "tar" | "squashfs" | Compression;

/** Bytes of a file's head that `detectFormat` looks at. */
export const headLength = 512;

const magics: readonly (readonly [ImageFormat, number, readonly number[]])[] = [
  ["gzip", 0, [0x1f, 0x8b]],
  ["xz", 0, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", 0, [0x42, 0x5a, 0x68]],
  ["zstd", 0, [0x28, 0xb5, 0x2f, 0xfd]],
  ["squashfs", 0, [0x68, 0x73, 0x71, 0x73]],
  ["tar", 257, [0x75, 0x73, 0x74, 0x61, 0x72]],
  ["lzma", 0, [0x5d, 0x00, 0x00]],
];

/** The format of a file that starts with these bytes (512 are enough); undefined for any other. */
export function detectFormat(head: Uint8Array): ImageFormat | undefined {
  return magics.find(([, at, bytes]) => bytes.every((byte, i) => head[at + i] === byte))?.[0];
}

/** The format of a file on disk. Throws `image_broken` when it is none of ours. */
export async function detectFileFormat(path: string, what = "the image"): Promise<ImageFormat> {
  await using file = await open(path, "r");
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headLength), 0, headLength, 0);
  const format = detectFormat(buffer.subarray(0, bytesRead));
  if (format) return format;
  throw fail("image_broken", { reason: `${what} is neither a tarball (plain, gz, xz, lzma, bz2, zst) nor squashfs` });
}

const commands: Readonly<Record<Compression, readonly [string, ...string[]]>> = {
  gzip: ["gzip", "-dc"],
  xz: ["xz", "-dc", "-T0"],
  lzma: ["xz", "-dc", "--format=lzma"],
  bzip2: ["bzip2", "-dc"],
  zstd: ["zstd", "-dcq", "-T0"],
};

/** Program and arguments that decompress standard input to standard output; undefined when there is nothing to decompress. */
export function decompressor(format: ImageFormat): readonly [string, ...string[]] | undefined {
  return format === "tar" || format === "squashfs" ? undefined : commands[format];
}
