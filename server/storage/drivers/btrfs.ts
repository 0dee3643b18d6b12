// The btrfs driver: the dir driver's folders on a btrfs of their own, where a layer can be copied in no time while a guest writes to it.
// The file system is one that is there (`source`: a folder on it, or a disk to make it on), or lies in a file of Berth's.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { fail } from "../../api/errors.ts";
import { parseSize } from "../../api/config-keys/key.ts";
import { isBtrfs } from "../../host/btrfs.ts";
import { unmountTree } from "../../host/mounts.ts";
import { run } from "../../host/run.ts";
import type { IdMap } from "../../host/user-namespace.ts";
import { DirDriver } from "./dir.ts";
import { LayerQuota } from "./quota.ts";

export interface BtrfsPlace {
  /** Where it is mounted: the pool's folder. */
  root: string;
  /** A folder on a btrfs, a disk, or the file that stands for one. */
  source: string;
  /** `source` is a file of Berth's own, which goes with the pool. */
  isOwn: boolean;
}

export class BtrfsDriver extends DirDriver {
  readonly #place: BtrfsPlace;
  readonly #quota: LayerQuota;

  constructor(place: BtrfsPlace, readMap: () => IdMap) {
    super(place.root, true, readMap);
    this.#place = place;
    this.#quota = new LayerQuota(place.root);
  }

  /** Makes the file system of a new pool. Throws `invalid_config_value`, `disk_full` or `tool_failed`; leaves nothing behind then. */
  static async make({ source, isOwn }: BtrfsPlace, size: string): Promise<void> {
    if (!isOwn && !existsSync(source)) throw wrongSource(`${source} is not there`);
    if (!isOwn && statSync(source).isDirectory()) {
      if (!isBtrfs(source)) throw wrongSource(`${source} does not lie on a btrfs`);
      if (readdirSync(source).length > 0) throw wrongSource(`${source} is not empty`);
      return;
    }
    try {
      if (isOwn) {
        writeFileSync(source, "", { mode: 0o600, flag: "wx" });
        truncateSync(source, parseSize(size));
      }
      await run("mkfs.btrfs", ["--quiet", source]); // refuses a disk that holds something
    } catch (error) {
      if (isOwn) rmSync(source, { force: true });
      throw error;
    }
  }

  protected override reportQuota(): Record<string, string> {
    return { "volatile.quota": "subvolumes" };
  }

  protected override get quota(): LayerQuota {
    return this.#quota;
  }

  override async open(): Promise<void> {
    const { root, source } = this.#place;
    mkdirSync(root, { recursive: true, mode: 0o711 });
    if (!isMounted(root)) {
      if (!existsSync(source)) throw wrongSource(`${source} is not there`);
      const kind = statSync(source);
      await run("mount", [...(kind.isDirectory() ? ["--bind"] : kind.isFile() ? ["-t", "btrfs", "-o", "loop"] : ["-t", "btrfs"]), source, root]);
    }
    await super.open();
  }

  override async destroy(): Promise<void> {
    const { root, source, isOwn } = this.#place;
    await this.empty();
    unmountTree(root);
    rmdirSync(root);
    if (isOwn) rmSync(source, { force: true });
  }
}

/** How large the file of a new pool is when nothing is said: a fifth of what is free, 5 to 30 GiB. */
export function defaultSize(folder: string): string {
  const { bavail, bsize } = statfsSync(folder);
  return `${Math.min(30, Math.max(5, Math.floor((bavail * bsize) / 5 / 2 ** 30)))}GiB`;
}

function wrongSource(reason: string): Error {
  return fail("invalid_config_value", { key: "source", reason });
}

/** Unlike the device numbers of folders, the list of mounts tells also of a bind mount. */
function isMounted(path: string): boolean {
  return readFileSync("/proc/self/mountinfo", "utf8").split("\n").some((line) => line.split(" ")[4] === path);
}
