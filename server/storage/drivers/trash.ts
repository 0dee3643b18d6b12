// What a pool has to remove: put out of the way at once, and removed bit by bit while other things go on.
import { randomBytes } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { deleteSubvolume, isSubvolume } from "../../host/btrfs.ts";
import { explain, log } from "../../log.ts";

/** So many files take about a millisecond, if none of them, and no folder, is larger than so many bytes. */
const mostAtOnce = 100;
const largestFile = 1024 * 1024;
const largestFolder = 32 * 1024;
const slash = Buffer.from("/");

export class Trash {
  readonly #folder: string;
  #removing = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  open(): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    if (readdirSync(this.#folder).length > 0) this.#empty();
  }

  /** Takes a file or folder away; it need not be there. It is out of the way at once. */
  take(path: string): void {
    if (!existsSync(path)) return;
    renameSync(path, `${this.#folder}/${randomBytes(6).toString("hex")}`);
    this.#empty();
  }

  #empty(): void {
    this.#removing = this.#removing.then(async () => {
      for (const entry of await readdir(this.#folder)) await remove(`${this.#folder}/${entry}`);
    }).catch((error) => log.warn("what is no longer needed could not be removed", { folder: this.#folder, error: explain(error) }));
  }

  /** Resolves when nothing is left to remove, or after `ms`. */
  async emptied(ms?: number): Promise<void> {
    if (ms === undefined) return this.#removing;
    const done = new AbortController();
    await Promise.race([this.#removing, sleep(ms, undefined, { signal: done.signal }).catch(() => {})]);
    done.abort();
  }
}

async function remove(path: string): Promise<void> {
  if (isSubvolume(path)) deleteSubvolume(path);
  else if (!removeAtOnce(path)) await rm(path, { recursive: true, force: true, maxRetries: 6 });
}

/** Whether a tree is gone; one of which something resists for now is not. */
function removeAtOnce(path: string): boolean {
  try {
    return removeLittle(Buffer.from(path), { left: mostAtOnce });
  } catch {
    return false;
  }
}

/** Removes a tree at once if there is little in it, and says so: to hand so few files over to threads takes longer than to remove them. */
function removeLittle(path: Buffer, budget: { left: number }): boolean {
  const stats = lstatSync(path);
  budget.left -= 1;
  if (budget.left < 0 || stats.size > (stats.isDirectory() ? largestFolder : largestFile)) return false;
  if (!stats.isDirectory()) {
    unlinkSync(path);
    return true;
  }
  for (const name of readdirSync(path, { encoding: "buffer" })) {
    if (!removeLittle(Buffer.concat([path, slash, name]), budget)) return false;
  }
  rmdirSync(path);
  return true;
}
