// Paths below folders.
import path from "node:path";

/** Whether a path names something in a folder, or the folder itself, by its words alone: links are for whoever opens it. */
export function isWithin(folder: string, file: string): boolean {
  const relative = path.relative(path.normalize(folder), path.normalize(file));
  return relative !== ".." && !relative.startsWith("../");
}
