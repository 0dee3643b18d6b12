// The layers that a pool's overlays are made of besides images: `layers/ID/upper`, with the guest's own (unshifted) ids. One
// volume writes to a layer, or none does any more and any number of volumes and snapshots lie over it.
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { createSubvolume, isBtrfs, isSubvolume, snapshotSubvolume } from "../../host/btrfs.ts";
import { copyXattrs, otherXattrs } from "../../host/xattrs.ts";
import { copyFiles } from "./copy.ts";
import type { Trash } from "./trash.ts";

/** A volume on more layers than this is slow to mount, and the kernel takes so many names and no more. */
export const mostLayers = 60;

export class Layers {
  readonly root: string;
  readonly #trash: Trash;

  constructor(root: string, trash: Trash) {
    this.root = root;
    this.#trash = trash;
  }

  open(): void {
    mkdirSync(this.root, { recursive: true, mode: 0o700 });
  }

  folder(id: string): string {
    return `${this.root}/${id}`;
  }

  upper(id: string): string {
    return `${this.root}/${id}/upper`;
  }

  has(id: string): boolean {
    return existsSync(this.upper(id));
  }

  /** Makes an empty layer whose root folder is as that of `like`; gives its id. */
  make(like: string | undefined): string {
    const id = makeId();
    this.#makeFolder(id);
    mkdirSync(this.upper(id), { mode: 0o755 });
    this.#makeWork(id);
    if (like) copyAttributes(like, this.upper(id));
    return id;
  }

  #makeFolder(id: string): void {
    if (!isBtrfs(this.root)) return mkdirSync(this.folder(id), { mode: 0o700 });
    createSubvolume(this.folder(id));
    chmodSync(this.folder(id), 0o700);
  }

  #makeWork(id: string): void {
    mkdirSync(`${this.folder(id)}/work`, { mode: 0o700 });
  }

  /** Whether a layer adds nothing to what lies below it. */
  isUntouched(id: string, below: string): boolean {
    const [mine, its] = [statSync(this.upper(id)), statSync(below)];
    const same = mine.mode === its.mode && mine.uid === its.uid && mine.gid === its.gid;
    return same && otherXattrs(this.upper(id)).join() === otherXattrs(below).join() && readdirSync(this.upper(id)).length === 0;
  }

  /** Whether a layer that is written to can be copied at one moment, without stopping who writes. */
  canCopyLive(id: string): boolean {
    return isSubvolume(this.folder(id));
  }

  /** Copies a layer; gives the copy's id. */
  async copy(id: string): Promise<string> {
    const copy = makeId();
    try {
      if (this.canCopyLive(id)) {
        snapshotSubvolume(this.folder(id), this.folder(copy));
        rmSync(`${this.folder(copy)}/work`, { recursive: true, force: true });
      } else {
        this.#makeFolder(copy);
        await copyFiles(this.upper(id), this.upper(copy));
      }
      this.#makeWork(copy);
      return copy;
    } catch (error) {
      this.discard(copy);
      throw error;
    }
  }

  /** Makes a layer of the files that `write` puts into it. It is there when it is whole. */
  async fill(id: string, write: (upper: string) => Promise<void>): Promise<void> {
    const unfinished = `.new-${id}`;
    try {
      this.#makeFolder(unfinished);
      await write(this.upper(unfinished));
      this.#makeWork(unfinished);
      renameSync(this.folder(unfinished), this.folder(id));
    } catch (error) {
      this.discard(unfinished);
      throw error;
    }
  }

  discard(id: string): void {
    this.#trash.take(this.folder(id));
  }

  list(): string[] {
    return readdirSync(this.root);
  }
}

export function makeId(): string {
  return randomBytes(5).toString("hex");
}

function copyAttributes(from: string, to: string): void {
  const { uid, gid, mode } = statSync(from);
  chownSync(to, uid, gid);
  chmodSync(to, mode & 0o7777);
  copyXattrs(from, to);
}
