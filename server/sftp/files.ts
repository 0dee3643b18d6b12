// The files of a guest, as SFTP's requests name them. Every path is resolved inside the guest's root whatever links it holds;
// all calls wait, as the process serves one client. Throws what the system calls throw.
import {
  chmodSync, chownSync, closeSync, constants, fchmodSync, fchownSync, fstatSync, ftruncateSync, futimesSync, lchownSync, linkSync, lstatSync, lutimesSync, mkdirSync, openSync,
  readdirSync, readlinkSync, readSync, renameSync, rmdirSync, type Stats, symlinkSync, truncateSync, unlinkSync, utimesSync, writeSync,
} from "node:fs";
import path from "node:path";
import { hasCode, openat2, RESOLVE } from "../host/libc.ts";
import type { IdMap } from "../host/user-namespace.ts";
import { assertOnDisk, inRoot } from "../instances/files/entry.ts";
import { guestOwner, hostOwner } from "../instances/files/request.ts";

const O_PATH = 0o10000000;
const careful = constants.O_NONBLOCK | constants.O_NOCTTY;

/** What a client tells of a file, or is told; times in seconds. */
export interface Attributes {
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  atime?: number;
  mtime?: number;
}

export interface OpenWish {
  read: boolean;
  write: boolean;
  append: boolean;
  create: boolean;
  truncate: boolean;
  exclusive: boolean;
}

export class GuestFiles {
  readonly #root: number;
  readonly #map: IdMap;

  constructor(rootFd: number, map: IdMap) {
    this.#root = rootFd;
    this.#map = map;
  }

  /** Lends what lies at a path, pinned and not opened; its name in /proc can be used like a path. */
  #pinned<T>(guestPath: string, follow: boolean, work: (procPath: string, fd: number) => T): T {
    const fd = openat2(this.#root, guestPath, O_PATH | (follow ? 0 : constants.O_NOFOLLOW), 0, inRoot);
    try {
      return work(`/proc/self/fd/${fd}`, fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Lends the directory that the last name of a path is in: `place` names it without following it. */
  #placed<T>(guestPath: string, work: (place: string, folder: number, name: string) => T): T {
    const name = path.posix.basename(guestPath);
    if (name === "" || name === "." || name === "..") throw Object.assign(new Error("not a name"), { code: "EINVAL" });
    return this.#pinned(path.posix.dirname(guestPath), true, (folder, fd) => {
      assertOnDisk(fd, guestPath);
      return work(`${folder}/${name}`, fd, name);
    });
  }

  #attributes(stats: Stats): Attributes {
    const { uid, gid } = guestOwner(this.#map, stats);
    return { mode: stats.mode, uid, gid, size: stats.size, atime: Math.floor(stats.atimeMs / 1000), mtime: Math.floor(stats.mtimeMs / 1000) };
  }

  look(guestPath: string, follow: boolean): Attributes {
    return this.#pinned(guestPath, follow, (_, fd) => this.#attributes(fstatSync(fd)));
  }

  lookAt(fd: number): Attributes {
    return this.#attributes(fstatSync(fd));
  }

  /** Opens a regular file, or makes one with these attributes. */
  open(guestPath: string, wish: OpenWish, given: Attributes): number {
    const access = wish.read ? (wish.write ? constants.O_RDWR : constants.O_RDONLY) : constants.O_WRONLY;
    const flags = access | careful | (wish.append ? constants.O_APPEND : 0);
    if (wish.create) {
      try {
        return this.#create(guestPath, flags, given);
      } catch (error) {
        if (wish.exclusive || !hasCode(error, "EEXIST")) throw error;
      }
    }
    return this.#openExisting(guestPath, flags | (wish.truncate ? constants.O_TRUNC : 0));
  }

  #openExisting(guestPath: string, flags: number): number {
    return this.#pinned(guestPath, true, (file, fd) => {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw Object.assign(new Error("not a regular file"), { code: stats.isDirectory() ? "EISDIR" : "EPERM" });
      assertOnDisk(fd, guestPath);
      return openSync(file, flags); // the very thing that was looked at
    });
  }

  /** Makes a file where nothing is, not even a link; the guest's root owns it unless it is to be somebody else's. */
  #create(guestPath: string, flags: number, { mode = 0o644, uid = 0, gid = 0, ...rest }: Attributes): number {
    const how = flags | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = this.#placed(guestPath, (_, folder, name) => openat2(folder, name, how, mode & 0o7777, RESOLVE.BENEATH));
    try {
      if (uid !== 0 || gid !== 0) this.change(fd, { mode, uid, gid });
      if (rest.mtime !== undefined) this.change(fd, rest);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  close(fd: number): void {
    closeSync(fd);
  }

  read(fd: number, offset: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    return buffer.subarray(0, readSync(fd, buffer, 0, length, offset));
  }

  write(fd: number, offset: number, data: Buffer): void {
    for (let done = 0; done < data.length; ) done += writeSync(fd, data, done, data.length - done, offset + done);
  }

  /** Changes an open file. The owner comes first: a change of it takes set-user-id bits away. */
  change(fd: number, { mode, uid, gid, size, atime, mtime }: Attributes): void {
    if (size !== undefined) ftruncateSync(fd, size);
    if (uid !== undefined || gid !== undefined) {
      const owner = hostOwner(this.#map, { uid, gid }, "");
      fchownSync(fd, owner.uid, owner.gid);
    }
    if (mode !== undefined) fchmodSync(fd, mode & 0o7777);
    if (atime !== undefined && mtime !== undefined) futimesSync(fd, atime, mtime);
  }

  changeAt(guestPath: string, { mode, uid, gid, size, atime, mtime }: Attributes): void {
    this.#pinned(guestPath, true, (file, fd) => {
      assertOnDisk(fd, guestPath);
      if (size !== undefined && fstatSync(fd).isFile()) truncateSync(file, size);
      if (uid !== undefined || gid !== undefined) {
        const owner = hostOwner(this.#map, { uid, gid }, guestPath);
        chownSync(file, owner.uid, owner.gid);
      }
      if (mode !== undefined) chmodSync(file, mode & 0o7777);
      if (atime !== undefined && mtime !== undefined) utimesSync(file, atime, mtime);
    });
  }

  /** Changes what is at a path itself, a link not followed: its owner and times. */
  changeLink(guestPath: string, { uid, gid, atime, mtime }: Attributes): void {
    this.#placed(guestPath, (place) => {
      if (uid !== undefined || gid !== undefined) {
        const owner = hostOwner(this.#map, { uid, gid }, guestPath);
        lchownSync(place, owner.uid, owner.gid);
      }
      if (atime !== undefined && mtime !== undefined) lutimesSync(place, atime, mtime);
    });
  }

  /** Names with what they are, links not followed; what goes away meanwhile is left out. */
  list(guestPath: string): { name: string; attributes: Attributes }[] {
    return this.#pinned(guestPath, true, (folder) => readdirSync(folder).flatMap((name) => {
      try {
        return [{ name, attributes: this.#attributes(lstatSync(`${folder}/${name}`)) }];
      } catch {
        return [];
      }
    }));
  }

  makeFolder(guestPath: string, given: Attributes): void {
    this.#placed(guestPath, (place) => {
      mkdirSync(place, { mode: (given.mode ?? 0o755) & 0o7777 });
      if (given.uid !== undefined || given.gid !== undefined) this.changeAt(guestPath, { ...given, mode: given.mode ?? 0o755 });
    });
  }

  removeFolder(guestPath: string): void {
    this.#placed(guestPath, (place) => rmdirSync(place));
  }

  remove(guestPath: string): void {
    this.#placed(guestPath, (place) => unlinkSync(place));
  }

  /** What is at the new name goes, as LXD's server has it. */
  rename(from: string, to: string): void {
    this.#placed(from, (before) => this.#placed(to, (after) => renameSync(before, after)));
  }

  link(from: string, to: string): void {
    this.#placed(from, (before) => this.#placed(to, (after) => linkSync(before, after)));
  }

  target(guestPath: string): string {
    return this.#placed(guestPath, (place) => readlinkSync(place));
  }

  symlink(target: string, guestPath: string): void {
    this.#placed(guestPath, (place) => symlinkSync(target, place));
  }

  /** An absolute path, by its names alone. */
  realPath(guestPath: string): string {
    return path.posix.resolve("/", guestPath);
  }
}
