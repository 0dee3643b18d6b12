// What lies at a path of a guest. What is found is only pinned (walk.ts): it is opened once it is known to be a file.
import { closeSync, constants, fstatSync, type Stats, statfsSync } from "node:fs";
import path from "node:path";
import { fail } from "../../api/errors.ts";
import { openat2, RESOLVE } from "../../host/libc.ts";
import { O_PATH, type Root, walk } from "./walk.ts";

export const inRoot = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS;

export type EntryType = "file" | "symlink" | "directory";

export interface Entry {
  /** A descriptor that only names it. */
  fd: number;
  stats: Stats;
  type: EntryType;
}

/** By f_type. The daemon may write to these what a guest may not, and they may not be what they seem. */
const kernelFileSystems = new Set([
  0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x73636673, 0xcafe4a11, 0x62656570, 0x6165676c, 0xde5e81e4,
  0x42494e4d, 0xf97cff8c, 0x6e736673, 0x1cd1,
]); // proc, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, configfs, pstore, efivarfs, binfmt_misc, selinuxfs, nsfs, devpts

/** Throws `file_special` when it belongs to /proc, /sys or the like. */
export function assertOnDisk(fd: number, guestPath: string): void {
  if (kernelFileSystems.has(statfsSync(`/proc/self/fd/${fd}`).type >>> 0)) throw fail("file_special", { path: guestPath, kind: "part of the kernel's file systems" });
}

function kindOf(stats: Stats): EntryType | undefined {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "symlink" : undefined;
}

/** Throws `file_special` for what is no file, directory or symbolic link. */
export function typeOf(stats: Stats, guestPath: string): EntryType {
  const type = kindOf(stats);
  if (type) return type;
  const kind = stats.isFIFO() ? "FIFO" : stats.isSocket() ? "socket" : "device";
  throw fail("file_special", { path: guestPath, kind: `a ${kind}` });
}

/** Lends what lies at a path. `follow`: where a symbolic link at its end points to. Throws ENOENT. */
export function withEntry<T>(root: Root, guestPath: string, follow: boolean, work: (entry: Entry) => Promise<T>): Promise<T> {
  return walk(root, guestPath, follow, async ({ entry }) => {
    if (!entry) throw Object.assign(new Error(`nothing is at ${guestPath}`), { code: "ENOENT" });
    return work({ ...entry, type: typeOf(entry.stats, guestPath) });
  });
}

/** The type of what lies at a path, links followed; undefined when nothing does. */
export function existingType(root: Root, guestPath: string): Promise<EntryType | undefined> {
  return walk(root, guestPath, true, async ({ entry }) => entry && typeOf(entry.stats, guestPath));
}

export interface Place {
  /** A descriptor of the directory it is in. */
  fd: number;
  name: string;
  /** For calls that do not follow a link at the end. */
  path: string;
  /** What lies there, unopened. Throws ENOENT. */
  stats(): Stats;
}

/** Lends the directory that a path's last name is in. */
export function withPlace<T>(root: Root, guestPath: string, work: (place: Place) => Promise<T>): Promise<T> {
  const name = path.posix.basename(guestPath);
  if (name === "" || name === "." || name === "..") throw fail("file_refused", { path: guestPath, reason: "is a directory that cannot be made or removed" });
  return walk(root, path.posix.dirname(guestPath), true, async ({ entry }) => {
    if (!entry) throw Object.assign(new Error(`nothing is at ${path.posix.dirname(guestPath)}`), { code: "ENOENT" });
    const { fd } = entry;
    if (!entry.stats.isDirectory()) throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
    assertOnDisk(fd, guestPath);
    return work({ fd, name, path: `/proc/self/fd/${fd}/${name}`, stats: () => statsOf(fd, name) });
  });
}

function statsOf(folder: number, name: string): Stats {
  const fd = openat2(folder, name, O_PATH | constants.O_NOFOLLOW, 0, RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS | RESOLVE.NO_XDEV);
  try {
    return fstatSync(fd);
  } finally {
    closeSync(fd);
  }
}
