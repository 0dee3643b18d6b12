// Paths in guests that devices are mounted at.
import path from "node:path";
import { isPathTooLong } from "./staging.ts";

/** A path in the guest without what does not change it. */
export function cleanPath(target: string): string {
  return path.posix.normalize(target).replace(/(.)\/$/, "$1");
}

/** What liblxc and the guest's init need as it is. */
const taken = ["/", "/dev", "/proc", "/sys", "/dev/.lxc"];

/** What is wrong with a path in the guest. */
export function targetFault(target: string): string | undefined {
  if (!target.startsWith("/")) return `"path" must be absolute, not "${target}"`;
  if (target.split("/").includes("..")) return `"path" may not hold "..": "${target}"`;
  if (isPathTooLong(target)) return `"path" is too long: "${target.slice(0, 40)}…"`;
  return taken.includes(cleanPath(target)) ? `"path" cannot be ${cleanPath(target)}` : undefined;
}
