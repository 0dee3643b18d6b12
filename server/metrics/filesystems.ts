// The space of the file systems that an instance's disks lie on. Nothing of a guest's is walked: the root disk is asked for
// where the daemon has mounted it, others at their source on the host, and only on file systems that the kernel serves by
// itself, as one behind a network or a FUSE program may never answer.
import { closeSync, statfsSync } from "node:fs";
import type { Context } from "../context.ts";
import { openat2, RESOLVE } from "../host/libc.ts";
import { type Mount, mountOf, readMounts } from "../host/mountinfo.ts";
import type { DeviceMap } from "../api/schemas.ts";
import { type InstanceRecord, systemNameOf } from "../instances/store.ts";

export interface FileSystem {
  device: string;
  type: string;
  mountpoint: string;
  size: number;
  free: number;
  available: number;
}

const O_PATH = 0o10000000;

/** What statfs(2) tells, in words. */
const typeNames: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"], [0x58465342, "xfs"], [0x9123683e, "btrfs"], [0x794c7630, "overlay"], [0x01021994, "tmpfs"], [0x2fc12fc1, "zfs"],
  [0xf2f52010, "f2fs"], [0xca451a4e, "bcachefs"], [0x73717368, "squashfs"], [0xe0f5e1e2, "erofs"], [0x4d44, "vfat"], [0x9660, "iso9660"],
]);

/** On the host these answer at once, whatever happens. */
const answering = new Set(["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "tmpfs", "ramfs", "overlay", "squashfs", "erofs", "vfat", "exfat", "iso9660", "udf"]);

type Measure = Pick<FileSystem, "type" | "size" | "free" | "available">;

/** What one scrape asks but once: the host's mounts, when the first disk needs them, and the space of pools. */
export class AskedOnce {
  #mounts: Mount[] | undefined;
  readonly #roots = new Map<string, Measure>();

  mountAt(path: string): Mount | undefined {
    return mountOf(path, (this.#mounts ??= readMounts()));
  }

  /** Overlays of one pool have the space of its file system, all of them. */
  root(ctx: Context, instance: InstanceRecord): Measure {
    const known = instance.volume.kind === "overlay" ? this.#roots.get(instance.pool) : undefined;
    if (known) return known;
    const root = measure(`${ctx.pools.driver(instance.pool).folder(systemNameOf(instance))}/rootfs`);
    if (instance.volume.kind === "overlay") this.#roots.set(instance.pool, root);
    return root;
  }
}

function measure(path: string): Measure {
  const { type, bsize, blocks, bfree, bavail } = statfsSync(path);
  return { type: typeNames.get(type) ?? `0x${type.toString(16)}`, size: blocks * bsize, free: bfree * bsize, available: bavail * bsize };
}

/** A path without links, so that it lies where its name says. */
function measureSource(path: string): Measure {
  const fd = openat2(-1, path, O_PATH, 0, RESOLVE.NO_SYMLINKS);
  try {
    return measure(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function readDisk(ctx: Context, instance: InstanceRecord, options: Readonly<Record<string, string>>, once: AskedOnce): FileSystem | undefined {
  const mountpoint = options["path"] ?? "";
  if (mountpoint === "/") return { device: instance.pool, mountpoint, ...once.root(ctx, instance) };
  const source = options["source"] ?? "";
  const mount = source.startsWith("/") ? once.mountAt(source) : undefined;
  if (!mount || !answering.has(mount.type)) return undefined;
  return { device: mount.point === source ? mount.source : source, mountpoint, ...measureSource(source) };
}

/** Of all disks that have a path; one that cannot be asked is left out. */
export function readFileSystems(ctx: Context, instance: InstanceRecord, devices: DeviceMap, once: AskedOnce): FileSystem[] {
  return Object.values(devices).flatMap((options) => {
    if (options["type"] !== "disk" || !options["path"]) return [];
    try {
      return readDisk(ctx, instance, options, once) ?? [];
    } catch {
      return []; // gone, or behind a link
    }
  });
}
