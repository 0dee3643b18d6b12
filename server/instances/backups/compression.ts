// What backups are compressed by.
import { fail } from "../../api/errors.ts";

const programs: Readonly<Record<string, readonly [string, ...string[]] | undefined>> = {
  none: undefined, gzip: ["gzip", "-n"], bzip2: ["bzip2"], xz: ["xz", "-T0"], lzma: ["lzma"], zstd: ["zstd", "-q", "-T0"],
};

export const compressions: readonly string[] = Object.keys(programs);

/** The program for an algorithm such as `gzip` or `zstd -9`; undefined: none. Throws `compression_unsupported`. */
export function compressor(algorithm: string): readonly [string, ...string[]] | undefined {
  const [name = "", level, ...more] = algorithm.trim().split(/\s+/);
  if (!Object.hasOwn(programs, name) || more.length > 0 || (level !== undefined && !/^-\d{1,2}$/.test(level))) {
    throw fail("compression_unsupported", { algorithm: algorithm.slice(0, 80), known: compressions.join(", ") });
  }
  const command = programs[name];
  return command && [...command, ...(level === undefined ? [] : [level]), "-c"];
}
