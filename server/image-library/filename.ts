// The names image files are downloaded under.
import { detectFileFormat, type ImageFormat } from "../../images/compression.ts";

const extensions: Readonly<Record<ImageFormat, string>> = {
  tar: ".tar", gzip: ".tar.gz", xz: ".tar.xz", lzma: ".tar.lzma", bzip2: ".tar.bz2", zstd: ".tar.zst", squashfs: ".squashfs",
};

/** A file's name: what it is called, and what it is by its first bytes. */
export async function downloadName(base: string, file: string): Promise<string> {
  return base + extensions[await detectFileFormat(file)];
}
