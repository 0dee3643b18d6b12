// Cheap checks that a file is whole: each format's end, without decompressing anything.
import { type FileHandle, open } from "node:fs/promises";
import { fail, isCode } from "../server/api/errors.ts";
import type { Run } from "../server/host/run.ts";
import { blockSize } from "./tar-header.ts";
import type { ImageFormat } from "./compression.ts";

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, Math.max(0, position));
  return buffer.subarray(0, bytesRead);
}

/** A tarball ends with two blocks of zeros. */
async function endsAsTar(file: FileHandle, size: number): Promise<boolean> {
  if (size < 3 * blockSize || size % blockSize !== 0) return false;
  return (await readAt(file, size - 2 * blockSize, 2 * blockSize)).every((byte) => byte === 0);
}

/** An xz stream ends with "YZ"; streams may be padded with zeros in fours. */
async function endsAsXz(file: FileHandle, size: number): Promise<boolean> {
  if (size < 32 || size % 4 !== 0) return false;
  const tail = await readAt(file, size - 4096, Math.min(size, 4096));
  let end = tail.length;
  while (end >= 4 && tail.readUInt32BE(end - 4) === 0) end -= 4;
  return tail.toString("latin1", end - 2, end) === "YZ";
}

/** bzip2 ends with a 48-bit mark and a 32-bit sum, at any bit. */
async function endsAsBzip2(file: FileHandle, size: number): Promise<boolean> {
  if (size < 14) return false;
  const tail = BigInt(`0x${(await readAt(file, size - 11, 11)).toString("hex")}`);
  const mark = 0x177245385090n;
  return [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].some((pad) => ((tail >> (32n + pad)) & 0xffffffffffffn) === mark);
}

/** The super block tells version (at 28) and length (at 40). */
async function isWholeSquashfs(file: FileHandle, size: number): Promise<boolean> {
  const head = await readAt(file, 0, 96);
  return head.length === 96 && head.readUInt16LE(28) === 4 && head.readBigUInt64LE(40) <= BigInt(size);
}

/** Lists the frames, for which zstd hops from block to block. */
async function isWholeZstd(path: string, run: Run): Promise<boolean> {
  try {
    await run("zstd", ["-lq", "--", path]);
    return true;
  } catch (error) {
    if (isCode(error, "tool_failed")) return false;
    throw error;
  }
}

async function isWhole(path: string, format: ImageFormat, run: Run): Promise<boolean> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  switch (format) {
    case "tar": return endsAsTar(file, size);
    case "xz": return endsAsXz(file, size);
    case "bzip2": return endsAsBzip2(file, size);
    case "zstd": return isWholeZstd(path, run);
    case "squashfs": return isWholeSquashfs(file, size);
    case "gzip": return size >= 18;
    case "lzma": return size > 13;
  }
}

/**
 * Throws `image_broken` when a file was cut off, as far as that shows without reading it all:
 * gzip and lzma have no mark at their end, they show it when they are unpacked.
 */
export async function assertWhole(path: string, format: ImageFormat, what: string, run: Run): Promise<void> {
  if (!await isWhole(path, format, run)) throw fail("image_broken", { reason: `${what} (${format}) is truncated or damaged at its end` });
}
