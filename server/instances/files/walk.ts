// Walking along a path of a guest, name by name, inside its root whatever links it holds. What is met is only pinned (O_PATH), which neither
// waits for a FIFO nor wakes a device. A file system that a program of the guest's serves, and which may never answer, is not entered:
// the kernel stops at each mount, and goes on only when its kind is known.
import { closeSync, constants, fstatSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { fail } from "../../api/errors.ts";
import { hasCode, openat2, RESOLVE } from "../../host/libc.ts";
import { parseMounts } from "../../host/mountinfo.ts";

export const O_PATH = 0o10000000;
/** As many as the kernel follows. */
const mostLinks = 40;
const here = RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS;

/** The root that paths are resolved in. */
export interface Root {
  /** A descriptor of the folder. */
  readonly fd: number;
  /** Whose mounts lie in it: a guest's init, or nobody. */
  readonly init: number | undefined;
  /** The device (MAJOR:MINOR) of the volume's own file system. */
  readonly device: string;
}

/** What a path leads to. The descriptors are closed by the walker. */
export interface Found {
  /** Of the directory that the last name is in; the root's own for "/". */
  folder: number;
  name: string;
  /** Undefined when there is nothing of that name. */
  entry: { fd: number; stats: Stats } | undefined;
}

/** Whether a file system asks no program of the guest's. An overlay that the guest made may lie on one that does. */
function isOwnKind(type: string, device: string, root: Root): boolean {
  if (type === "overlay") return device === root.device;
  return type !== "autofs" && !/^fuse(blk|ctl)?(\.|$)/.test(type);
}

/** Throws `file_special` where the mount that a pinned file lies in might not answer. Asks nothing of it. */
export function assertAnswers(root: Root, fd: number, guestPath: string): void {
  const id = /^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
  const line = new RegExp(`^${id} .*`, "m").exec(readFileSync(`/proc/${root.init ?? "self"}/mountinfo`, "utf8"))?.[0];
  const [own] = parseMounts(line ?? "");
  if (own && isOwnKind(own.type, own.device, root)) return;
  throw fail("file_served", { path: guestPath });
}

function pin(root: Root, folder: number, name: string, guestPath: string): number {
  try {
    return openat2(folder, name, O_PATH | constants.O_NOFOLLOW, 0, here | RESOLVE.NO_XDEV);
  } catch (error) {
    if (!hasCode(error, "EXDEV")) throw error;
  }
  const fd = openat2(folder, name, O_PATH | constants.O_NOFOLLOW, 0, here); // the root of a mount, which is there without being asked for
  try {
    assertAnswers(root, fd, guestPath);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const namesIn = (path: string) => path.split("/").filter((name) => name !== "" && name !== ".").reverse();

class Walk {
  readonly #root: Root;
  readonly #path: string;
  readonly #follow: boolean;
  /** Names still to go, the next one last. */
  readonly #names: string[];
  /** The folders passed, without the root. */
  readonly #passed: number[] = [];
  #links = 0;

  constructor(root: Root, path: string, follow: boolean) {
    this.#root = root;
    this.#path = path;
    this.#follow = follow;
    this.#names = namesIn(path);
  }

  get #folder(): number {
    return this.#passed.at(-1) ?? this.#root.fd;
  }

  /** Goes as far as the last name. */
  find(): Found {
    for (;;) {
      const name = this.#names.pop();
      if (name === undefined) return { folder: this.#folder, name: ".", entry: this.#pin(".") };
      if (name === "..") {
        const left = this.#passed.pop();
        if (left !== undefined) closeSync(left);
        continue;
      }
      const isLast = this.#names.length === 0;
      const entry = this.#entry(name, isLast);
      if (entry?.stats.isSymbolicLink() && (!isLast || this.#follow)) {
        closeSync(entry.fd);
        this.#go(name);
      } else if (isLast || !entry) {
        return { folder: this.#folder, name, entry };
      } else {
        this.#passed.push(entry.fd);
        if (!entry.stats.isDirectory()) throw Object.assign(new Error(`${name} is no directory`), { code: "ENOTDIR" });
      }
    }
  }

  #pin(name: string): { fd: number; stats: Stats } {
    const fd = pin(this.#root, this.#folder, name, this.#path);
    try {
      return { fd, stats: fstatSync(fd) };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  #entry(name: string, isLast: boolean): { fd: number; stats: Stats } | undefined {
    try {
      return this.#pin(name);
    } catch (error) {
      if (isLast && hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  /** On to where a link points. */
  #go(link: string): void {
    if (++this.#links > mostLinks) throw Object.assign(new Error("too many links"), { code: "ELOOP" });
    const target = readlinkSync(`/proc/self/fd/${this.#folder}/${link}`);
    if (target.startsWith("/")) for (const fd of this.#passed.splice(0)) closeSync(fd);
    this.#names.push(...namesIn(target));
  }

  end(): void {
    for (const fd of this.#passed.splice(0)) closeSync(fd);
  }
}

/** Lends what a path leads to. `follow`: also a link at its end. Throws what the system calls throw, and `file_served`. */
export async function walk<T>(root: Root, guestPath: string, follow: boolean, work: (found: Found) => Promise<T>): Promise<T> {
  const way = new Walk(root, guestPath, follow);
  try {
    const found = way.find();
    try {
      return await work(found);
    } finally {
      if (found.entry) closeSync(found.entry.fd);
    }
  } finally {
    way.end();
  }
}

