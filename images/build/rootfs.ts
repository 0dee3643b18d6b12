// Changing a root file system from outside. Links in it lead nowhere but into it: every path is resolved by the
// kernel with the root as its "/".
import {
  chmodSync, chownSync, closeSync, constants, fchmodSync, fchownSync, fstatSync, lchownSync, mkdirSync, openSync, readdirSync, readFileSync,
  readlinkSync, rmSync, symlinkSync, unlinkSync, writeFileSync, type Stats,
} from "node:fs";
import { posix } from "node:path";
import { hasCode, openat2, RESOLVE } from "../../server/host/libc.ts";

export interface Attributes {
  /** Permissions. */
  mode: number;
  uid: number;
  gid: number;
}

const O_PATH = 0o10000000;
const sizeLimit = 64 * 1024 * 1024;

export class Rootfs {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  #open(path: string, flags: number): number {
    const root = openSync(this.path, O_PATH | constants.O_DIRECTORY);
    try {
      return openat2(root, path, flags, 0, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
    } finally {
      closeSync(root);
    }
  }

  /** Makes the folders of a path that are not there, and gives a descriptor of the last. */
  #folder(path: string): number {
    try {
      return this.#open(path, O_PATH | constants.O_DIRECTORY);
    } catch (error) {
      if (!hasCode(error, "ENOENT") || path === "/") throw error;
    }
    this.#within(posix.dirname(path), (folder) => mkdirSync(`${folder}/${posix.basename(path)}`, { mode: 0o755 }));
    return this.#open(path, O_PATH | constants.O_DIRECTORY);
  }

  /** Does something in a folder, which is made when it is not there. What follows `folder/` is a name, never a path. */
  #within<T>(path: string, work: (folder: string) => T): T {
    const fd = this.#folder(path);
    try {
      return work(`/proc/self/fd/${fd}`);
    } finally {
      closeSync(fd);
    }
  }

  /** Writes a file in place of whatever is there but a folder. */
  write(path: string, data: string | Uint8Array, { mode, uid, gid }: Attributes): void {
    this.#within(posix.dirname(path), (folder) => {
      const file = `${folder}/${posix.basename(path)}`;
      removeEntry(file);
      const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
      try {
        writeFileSync(fd, data);
        fchownSync(fd, uid, gid);
        fchmodSync(fd, mode); // after the owner: that takes setuid away
      } finally {
        closeSync(fd);
      }
    });
  }

  link(path: string, target: string, { uid, gid }: Pick<Attributes, "uid" | "gid">): void {
    this.#within(posix.dirname(path), (folder) => {
      const file = `${folder}/${posix.basename(path)}`;
      removeEntry(file);
      symlinkSync(target, file);
      lchownSync(file, uid, gid);
    });
  }

  /** Makes a folder, or gives one that is there these attributes. */
  makeFolder(path: string, { mode, uid, gid }: Attributes): void {
    this.#within(path, (folder) => {
      chownSync(`${folder}/.`, uid, gid);
      chmodSync(`${folder}/.`, mode);
    });
  }

  /** Removes a file, or a folder with all that is in it; a link, not what it leads to. */
  remove(path: string): void {
    if (!this.stat(posix.dirname(path))?.isDirectory()) return;
    this.#within(posix.dirname(path), (folder) => rmSync(`${folder}/${posix.basename(path)}`, { recursive: true, force: true }));
  }

  /** What is at a path, links followed; undefined when nothing is. */
  stat(path: string): Stats | undefined {
    try {
      const fd = this.#open(path, O_PATH);
      try {
        return fstatSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
      throw error;
    }
  }

  /** A regular file's text; undefined when there is none. */
  read(path: string): string | undefined {
    if (!this.stat(path)?.isFile()) return undefined;
    const fd = this.#open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (fstatSync(fd).size > sizeLimit) return undefined;
      return readFileSync(fd, "utf8");
    } finally {
      closeSync(fd);
    }
  }

  /** The target of a link; undefined when there is none. */
  readLink(path: string): string | undefined {
    if (!this.stat(posix.dirname(path))?.isDirectory()) return undefined;
    return this.#within(posix.dirname(path), (folder) => {
      try {
        return readlinkSync(`${folder}/${posix.basename(path)}`);
      } catch (error) {
        if (hasCode(error, "EINVAL", "ENOENT")) return undefined;
        throw error;
      }
    });
  }

  /** The names in a folder, sorted. */
  list(path: string): string[] {
    if (!this.stat(path)?.isDirectory()) return [];
    return this.#within(path, (folder) => readdirSync(`${folder}/.`).sort());
  }

  /** Removes the files below a folder and keeps its folders, whose owners and modes programs rely on. */
  emptyFolder(path: string): void {
    if (this.stat(path)?.isDirectory()) this.#within(path, (folder) => emptyFiles(`${folder}/.`));
  }
}

function removeEntry(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/** No link is followed: each name is looked at before it is entered. */
function emptyFiles(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) emptyFiles(path);
    else unlinkSync(path);
  }
}
