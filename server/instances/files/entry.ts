// What lies at a path of a guest. A path is resolved inside the guest's root whatever links it holds, and what is found
// is only pinned (O_PATH), which neither waits for a FIFO nor wakes a device: it is opened once it is known to be a file.
import { closeSync, constants, fstatSync, type Stats, statfsSync } from "node:fs";
import path from "node:path";
import { fail } from "../../api/errors.ts";
import { hasCode, openat2, RESOLVE } from "../../host/libc.ts";

const O_PATH = 0o10000000;
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

function pin(dirFd: number, relative: string, flags: number, resolve: number): { fd: number; stats: Stats } {
  const fd = openat2(dirFd, relative, O_PATH | flags, 0, resolve);
  try {
    return { fd, stats: fstatSync(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Lends what lies at a path. `follow`: where a symbolic link at its end points to. */
export async function withEntry<T>(rootFd: number, guestPath: string, follow: boolean, work: (entry: Entry) => Promise<T>): Promise<T> {
  const { fd, stats } = pin(rootFd, guestPath, follow ? 0 : constants.O_NOFOLLOW, inRoot);
  try {
    return await work({ fd, stats, type: typeOf(stats, guestPath) });
  } finally {
    closeSync(fd);
  }
}

/** Lends the type of what lies at a path, links followed; undefined when nothing does. */
export async function existingType(rootFd: number, guestPath: string): Promise<EntryType | undefined> {
  try {
    return await withEntry(rootFd, guestPath, true, async ({ type }) => type);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
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
export async function withPlace<T>(rootFd: number, guestPath: string, work: (place: Place) => Promise<T>): Promise<T> {
  const name = path.posix.basename(guestPath);
  if (name === "" || name === "." || name === "..") throw fail("file_refused", { path: guestPath, reason: "is a directory that cannot be made or removed" });
  const { fd } = pin(rootFd, path.posix.dirname(guestPath), constants.O_DIRECTORY, inRoot);
  const stats = () => {
    const found = pin(fd, name, constants.O_NOFOLLOW, RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS);
    closeSync(found.fd);
    return found.stats;
  };
  try {
    assertOnDisk(fd, guestPath);
    return await work({ fd, name, path: `/proc/self/fd/${fd}/${name}`, stats });
  } finally {
    closeSync(fd);
  }
}
