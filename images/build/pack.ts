// Packs what was built. The same input gives the same bytes: members in order, one date, no names of users, and
// compressors that give the same whatever number of processors there is.
import { renameSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { isCode, fail } from "../../server/api/errors.ts";
import { run } from "../../server/host/run.ts";
import type { Target } from "./recipe-schema.ts";

export type TarCompression = NonNullable<Target["compression"]>;

export interface PackOptions {
  /** Seconds since 1970. */
  created: number;
  signal?: AbortSignal | undefined;
}

/** With one thread xz makes one block, with several it makes blocks of one size: always the latter. */
const threads = () => Math.max(2, availableParallelism());

interface Compressor {
  extension: string;
  command(level: number | undefined): readonly string[] | undefined;
}

const compressors: Readonly<Record<TarCompression, Compressor>> = {
  xz: { extension: ".xz", command: (level = 6) => ["xz", `-T${threads()}`, `-${Math.min(level, 9)}`] },
  gzip: { extension: ".gz", command: (level = 6) => ["gzip", "-n", `-${Math.min(level, 9)}`] },
  zstd: { extension: ".zst", command: (level = 3) => ["zstd", "-q", `-T${threads()}`, `-${Math.min(level, 19)}`] },
  none: { extension: "", command: () => undefined },
};

/** What a tarball's name ends with. */
export const tarExtension = (compression: TarCompression) => `.tar${compressors[compression].extension}`;

async function pack(tool: string, args: readonly string[], file: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await run(tool, args, signal ? { signal } : {});
  } catch (error) {
    if (isCode(error, "tool_failed") && /No space left|Disk quota|Write failed/i.test(error.message)) throw fail("disk_full", { path: file }, error);
    throw error;
  }
}

/** Packs members of a folder into `file`, which has to end as `tarExtension` says. */
export async function packTar(file: string, folder: string, members: readonly string[], compression: TarCompression, level: number | undefined, { created, signal }: PackOptions): Promise<void> {
  const plain = `${file}.plain`;
  await pack("tar", [
    "--create", "--file", plain, "--directory", folder, "--numeric-owner", "--sort=name", `--mtime=@${created}`, "--clamp-mtime", "--format=posix",
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime", "--xattrs", "--acls", "--one-file-system", "--", ...members,
  ], file, signal);
  const { extension, command } = compressors[compression];
  const [tool, ...args] = command(level) ?? [];
  if (tool === undefined) return renameSync(plain, file);
  await pack(tool, [...args, "--force", "--keep", plain], file, signal);
  renameSync(`${plain}${extension}`, file);
  rmSync(plain);
}

/** What squashfs calls a compressor, and how its level is given. */
const squashCompressors: Readonly<Record<string, (level: number | undefined) => string[]>> = {
  // a level that packs well in seconds and is quick to read
  zstd: (level = 9) => ["-comp", "zstd", "-Xcompression-level", String(level)],
  xz: () => ["-comp", "xz"],
  gzip: (level = 9) => ["-comp", "gzip", "-Xcompression-level", String(Math.min(level, 9))],
};

export async function packSquashfs(file: string, root: string, { compression = "zstd", level }: Pick<Target, "compression" | "level">, { created, signal }: PackOptions): Promise<void> {
  const compressor = squashCompressors[compression]?.(level) ?? [];
  await pack("mksquashfs", [root, file, ...compressor, "-noappend", "-no-progress", "-quiet", "-xattrs", "-reproducible", "-mkfs-time", String(created)], file, signal);
}
