// Files that a recipe copies from beside itself: from its own folder and nowhere else, whatever links lie there.
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { hasCode, openat2, RESOLVE } from "../../server/host/libc.ts";
import { type Place, recipeError } from "./document.ts";

const sizeLimit = 1024 ** 3;

/** Opens `source` below the folder of the recipe it stands in. Throws `recipe_invalid`. */
function openBeside(place: Place, source: string, flags: number): { fd: number; stats: Stats } {
  const folder = openSync(dirname(place.file), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const fd = openat2(folder, source, flags | constants.O_NONBLOCK, 0, RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS);
    return { fd, stats: fstatSync(fd) };
  } catch (error) {
    const outside = hasCode(error, "EXDEV") || source.startsWith("/");
    if (outside) throw recipeError(place, `${source} leads out of the recipe's folder ${dirname(place.file)}`, error);
    if (hasCode(error, "ENOENT", "ENOTDIR")) throw recipeError(place, `there is no file ${source} beside the recipe`, error);
    throw recipeError(place, `${source} cannot be read: ${(error as Error).message}`, error);
  } finally {
    closeSync(folder);
  }
}

export type Beside = { kind: "file"; data: Buffer; mode: number } | { kind: "folder"; names: string[]; mode: number };

/** Reads a file whole, or the names in a folder. */
export function readBeside(place: Place, source: string): Beside {
  const { fd, stats } = openBeside(place, source, constants.O_RDONLY);
  try {
    if (stats.isDirectory()) return { kind: "folder", names: readdirSync(`/proc/self/fd/${fd}`).sort(), mode: stats.mode & 0o777 };
    if (!stats.isFile()) throw recipeError(place, `${source} is neither a file nor a folder`);
    if (stats.size > sizeLimit) throw recipeError(place, `${source} is larger than ${sizeLimit} bytes`);
    return { kind: "file", data: readFileSync(fd), mode: stats.mode & 0o777 };
  } finally {
    closeSync(fd);
  }
}

/** A file's text. */
export function readTextBeside(place: Place, source: string): string {
  const found = readBeside(place, source);
  if (found.kind === "folder") throw recipeError(place, `${source} is a folder`);
  return found.data.toString("utf8");
}
