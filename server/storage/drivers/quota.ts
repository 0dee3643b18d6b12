// Limits of what volumes hold: the kernel counts what is in a layer that is a subvolume of btrfs, and refuses what is too much.
import { enableQuota, limitSubvolume, subvolumeUsage } from "../../host/btrfs.ts";
import { fail } from "../../api/errors.ts";
import { run } from "../../host/run.ts";

/** The kernel writes a little of its own even for what is removed. */
const least = 2 ** 20;

export class LayerQuota {
  readonly #root: string;

  /** `root`: a folder of the file system. */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Limits the layer `own`, so that it and the layers below it hold `size` bytes together; undefined lifts the limit. Throws
   * `root_size_too_small` when they hold more, unless `full` lets that be.
   */
  async limit(own: string, below: readonly string[], size: number | undefined, full: boolean): Promise<void> {
    if (size === undefined) return void limitSubvolume(own, undefined);
    if (!full) await run("sync", ["--file-system", own]); // what is counted is what was written down
    if (subvolumeUsage(own) === undefined) await this.#enable();
    const under = below.reduce((sum, layer) => sum + (subvolumeUsage(layer) ?? 0), 0);
    const used = under + (subvolumeUsage(own) ?? 0);
    if (used > size && !full) throw fail("root_size_too_small", { size, used });
    limitSubvolume(own, Math.max(size - under, least));
  }

  /** Counting costs time with each write, so it begins with the first limit. */
  async #enable(): Promise<void> {
    enableQuota(this.#root);
    await run("btrfs", ["quota", "rescan", "-w", this.#root]); // resolves when what was there is counted
  }
}
