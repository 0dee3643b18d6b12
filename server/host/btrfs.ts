// Subvolumes of btrfs: folders that can be copied as they are in no time, also while somebody writes to them.
import { closeSync, constants, openSync, statfsSync, statSync } from "node:fs";
import path from "node:path";
import { ioctl } from "./libc.ts";

const BTRFS_MAGIC = 0x9123683e;
const SUBVOL_CREATE = 0x5000940e;
const SNAP_DESTROY = 0x5000940f;
const SNAP_CREATE_V2 = 0x50009417;
/** Inode number of the root folder of every subvolume. */
const rootInode = 256;

export function isBtrfs(folder: string): boolean {
  return statfsSync(folder).type === BTRFS_MAGIC;
}

export function isSubvolume(folder: string): boolean {
  return isBtrfs(folder) && statSync(folder).ino === rootInode;
}

function withFolder<T>(folder: string, work: (fd: number) => T): T {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

/** struct btrfs_ioctl_vol_args */
function nameArgument(name: string): Buffer {
  const args = Buffer.alloc(4096);
  args.write(name, 8, 4087, "utf8");
  return args;
}

export function createSubvolume(folder: string): void {
  withFolder(path.dirname(folder), (parent) => ioctl(parent, SUBVOL_CREATE, nameArgument(path.basename(folder)), `make subvolume ${folder}`));
}

/** Makes `target` a writable snapshot of the subvolume `source`. */
export function snapshotSubvolume(source: string, target: string): void {
  const args = Buffer.alloc(4096); // struct btrfs_ioctl_vol_args_v2
  args.write(path.basename(target), 56, 4039, "utf8");
  withFolder(source, (from) => withFolder(path.dirname(target), (parent) => {
    args.writeBigInt64LE(BigInt(from), 0);
    ioctl(parent, SNAP_CREATE_V2, args, `snapshot ${source}`);
  }));
}

export function deleteSubvolume(folder: string): void {
  withFolder(path.dirname(folder), (parent) => ioctl(parent, SNAP_DESTROY, nameArgument(path.basename(folder)), `delete subvolume ${folder}`));
}
