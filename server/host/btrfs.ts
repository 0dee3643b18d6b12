// Subvolumes of btrfs: folders that can be copied as they are in no time, also while somebody writes to them.
import { closeSync, constants, openSync, statfsSync, statSync } from "node:fs";
import path from "node:path";
import { hasCode, ioctl } from "./libc.ts";

const BTRFS_MAGIC = 0x9123683e;
const SUBVOL_CREATE = 0x5000940e;
const SNAP_DESTROY = 0x5000940f;
const SNAP_CREATE_V2 = 0x50009417;
const TREE_SEARCH = 0xd0009411;
const INO_LOOKUP = 0xd0009412;
const QUOTA_CTL = 0xc0109428;
const QGROUP_LIMIT = 0x8030942b;
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

/** Lets a file system count what each subvolume refers to. What is there already is counted in the background. */
export function enableQuota(folder: string): void {
  const ENABLE = 1n;
  const args = Buffer.alloc(16); // struct btrfs_ioctl_quota_ctl_args
  args.writeBigUInt64LE(ENABLE, 0);
  withFolder(folder, (fd) => ioctl(fd, QUOTA_CTL, args, `enable quotas of ${folder}`));
}

/** Limits what a subvolume may refer to, in bytes; undefined lifts the limit, if there can be one. */
export function limitSubvolume(folder: string, bytes: number | undefined): void {
  const MAX_REFERENCED = 1n;
  const args = Buffer.alloc(48); // struct btrfs_ioctl_qgroup_limit_args: of the folder's own subvolume
  args.writeBigUInt64LE(MAX_REFERENCED, 8);
  args.writeBigUInt64LE(bytes === undefined ? 2n ** 64n - 1n : BigInt(bytes), 16);
  try {
    withFolder(folder, (fd) => ioctl(fd, QGROUP_LIMIT, args, `limit subvolume ${folder}`));
  } catch (error) {
    if (bytes !== undefined || !hasCode(error, "ENOTCONN", "ENOENT")) throw error; // nothing is counted here
  }
}

/** What a subvolume refers to, in bytes, as of what was last written down; undefined where nothing is counted. */
export function subvolumeUsage(folder: string): number | undefined {
  const QUOTA_TREE = 8n;
  const QGROUP_INFO = 242;
  return withFolder(folder, (fd) => {
    const lookup = Buffer.alloc(4096);
    lookup.writeBigUInt64LE(BigInt(rootInode), 8);
    ioctl(fd, INO_LOOKUP, lookup, `look up subvolume ${folder}`);
    const id = lookup.readBigUInt64LE(0);
    const args = Buffer.alloc(4096); // struct btrfs_ioctl_search_args: key, then what is found
    args.writeBigUInt64LE(QUOTA_TREE, 0);
    args.writeBigUInt64LE(id, 24);
    args.writeBigUInt64LE(id, 32);
    args.writeBigUInt64LE(2n ** 64n - 1n, 48);
    args.writeUInt32LE(QGROUP_INFO, 56);
    args.writeUInt32LE(QGROUP_INFO, 60);
    args.writeUInt32LE(1, 64);
    try {
      ioctl(fd, TREE_SEARCH, args, `look up the quota of ${folder}`);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
    const header = 32;
    return args.readUInt32LE(64) === 0 ? undefined : Number(args.readBigUInt64LE(104 + header + 8));
  });
}
