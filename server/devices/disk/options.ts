// The options of disks, and what is wrong with them.
import { isTrue, type KeyTable, parseSize } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import { MOUNT_ATTR, PROPAGATION } from "../../host/libc.ts";
import type { DeviceWorld } from "../device.ts";
import { targetFault } from "../guest-path.ts";

/** A limit of bytes or operations a second. */
export interface Rate {
  bytes?: number;
  operations?: number;
}

/** A rate such as 10MB or 200iops; undefined when it is none. */
export function parseRate(value: string): Rate | undefined {
  const operations = /^(\d+)\s*iops$/.exec(value)?.[1];
  if (operations !== undefined) return Number(operations) > 0 ? { operations: Number(operations) } : undefined;
  const bytes = parseSize(value);
  return bytes ? { bytes } : undefined;
}

const rate = (value: string) => (parseRate(value) ? undefined : "expected bytes a second such as 10MB, or operations a second such as 200iops");
const id = { kind: "int", min: 0, max: 2 ** 32 - 2 } as const;
const mode = (value: string) => (/^[0-7]{3,4}$/.test(value) ? undefined : "expected an octal mode such as 0755");

export const propagations: Readonly<Record<string, { kind: number; recursive: boolean }>> = {
  private: { kind: PROPAGATION.PRIVATE, recursive: false }, rprivate: { kind: PROPAGATION.PRIVATE, recursive: true },
  slave: { kind: PROPAGATION.SLAVE, recursive: false }, rslave: { kind: PROPAGATION.SLAVE, recursive: true },
  shared: { kind: PROPAGATION.SHARED, recursive: false }, rshared: { kind: PROPAGATION.SHARED, recursive: true },
  // On the host it must be bindable; liblxc makes it unbindable in the guest.
  unbindable: { kind: PROPAGATION.PRIVATE, recursive: false }, runbindable: { kind: PROPAGATION.PRIVATE, recursive: true },
};

export const diskOptions: KeyTable = {
  "boot.priority": { type: { kind: "int", min: 0 }, description: "Kept; containers boot from their root" },
  "initial.gid": { type: id, description: "Group of a tmpfs", default: "0" },
  "initial.mode": { type: { kind: "check", name: "mode", check: mode }, description: "Mode of a tmpfs", default: "0711" },
  "initial.uid": { type: id, description: "Owner of a tmpfs", default: "0" },
  "limits.max": { type: { kind: "check", name: "rate", check: rate }, description: "limits.read and limits.write in one", live: true },
  "limits.read": { type: { kind: "check", name: "rate", check: rate }, description: "Most it may read: bytes a second, or operations such as 200iops", live: true },
  "limits.write": { type: { kind: "check", name: "rate", check: rate }, description: "Most it may write: bytes a second, or operations such as 200iops", live: true },
  optional: { type: { kind: "bool" }, description: "Old name of the opposite of required" },
  path: { type: { kind: "string" }, description: "Where it is in the guest; / for the root disk" },
  pool: { type: { kind: "string" }, description: "The storage pool it lies in" },
  propagation: { type: { kind: "enum", values: Object.keys(propagations) }, description: "Which later mounts below the source the guest sees", default: "private" },
  "raw.mount.options": { type: { kind: "string" }, description: "Mount options: noexec, nosuid and the like, and for a block device those of its file system" },
  readonly: { type: { kind: "bool" }, description: "The guest may not write", default: "false" },
  recursive: { type: { kind: "bool" }, description: "With all that is mounted below the source", default: "false" },
  required: { type: { kind: "bool" }, description: "Without its source the instance does not start; false: it comes when the source does", default: "true" },
  shift: { type: { kind: "bool" }, description: "The source's owners are the guest's: root's files are its root's", default: "false" },
  size: { type: { kind: "size" }, description: "Most a tmpfs may hold; for the root disk what it may hold besides its image, where the pool can limit that", live: true },
  source: { type: { kind: "string" }, description: "A file, folder or block device of the host's, or tmpfs:" },
};

export const isRoot = ({ path: target }: Config): boolean => target === "/";
export const isTmpfs = ({ source }: Config): boolean => source === "tmpfs:";
export const isRequired = ({ required, optional }: Config): boolean => (required ? isTrue(required) : !isTrue(optional));

/** Mount options as the kernel takes them: attributes of the mount, and the rest for the file system. */
export interface MountOptions {
  set: number;
  clear: number;
  data: string[];
}

const flags: Readonly<Record<string, Pick<MountOptions, "set" | "clear">>> = {
  ro: { set: MOUNT_ATTR.RDONLY, clear: 0 }, rw: { set: 0, clear: MOUNT_ATTR.RDONLY },
  nosuid: { set: MOUNT_ATTR.NOSUID, clear: 0 }, suid: { set: 0, clear: MOUNT_ATTR.NOSUID },
  nodev: { set: MOUNT_ATTR.NODEV, clear: 0 }, dev: { set: 0, clear: MOUNT_ATTR.NODEV },
  noexec: { set: MOUNT_ATTR.NOEXEC, clear: 0 }, exec: { set: 0, clear: MOUNT_ATTR.NOEXEC },
  nodiratime: { set: MOUNT_ATTR.NODIRATIME, clear: 0 }, diratime: { set: 0, clear: MOUNT_ATTR.NODIRATIME },
  noatime: { set: MOUNT_ATTR.NOATIME, clear: MOUNT_ATTR.ATIME }, relatime: { set: 0, clear: MOUNT_ATTR.ATIME },
  strictatime: { set: MOUNT_ATTR.STRICTATIME, clear: MOUNT_ATTR.ATIME }, defaults: { set: 0, clear: 0 },
};

/** Reads `raw.mount.options`; what comes later counts. */
export function parseMountOptions(text: string): MountOptions {
  const options: MountOptions = { set: 0, clear: 0, data: [] };
  for (const word of text.split(",").map((one) => one.trim()).filter(Boolean)) {
    const flag = Object.hasOwn(flags, word) ? flags[word] : undefined;
    if (!flag) options.data.push(word);
    else Object.assign(options, { set: (options.set & ~flag.clear) | flag.set, clear: (options.clear & ~flag.set) | flag.clear });
  }
  return options;
}

export function diskFault(options: Config, world: DeviceWorld): string | undefined {
  if (isRoot(options)) return rootFault(options, world);
  const { source = "", path: target = "", pool } = options;
  if (!target) return 'it needs "path"';
  if (!source && !pool) return 'Non root disk devices require the "source" property';
  if (pool) return `storage volumes (here "${source}" of pool "${pool}") are not supported by Berth yet`;
  if (/^(ceph|cephfs|tmpfs-overlay|cloud-init|agent):/.test(source)) return `sources of the kind "${source.split(":")[0]}:" are not supported by Berth`;
  if (!isTmpfs(options) && !source.startsWith("/")) return "Source path must be absolute for local sources";
  return targetFault(target) ?? combinationFault(options);
}

function rootFault(options: Config, world: DeviceWorld): string | undefined {
  if (options["source"]) return 'a root disk cannot have "source"';
  if (!options["pool"]) return 'a root disk needs "pool"';
  const strange = ["readonly", "recursive", "propagation", "shift", "raw.mount.options"].find((key) => options[key]);
  if (strange) return `a root disk cannot have "${strange}"`;
  return world.hasPool(options["pool"]) ? undefined : `storage pool "${options["pool"]}" was not found`;
}

function combinationFault(options: Config): string | undefined {
  if (options["required"] && options["optional"]) return 'Cannot use both "required" and deprecated "optional" properties at the same time';
  const only = ["initial.uid", "initial.gid", "initial.mode", "size"].find((key) => options[key] && !isTmpfs(options));
  if (only) return `"${only}" is for ${only === "size" ? "the root disk and for tmpfs" : "tmpfs"} only`;
  const never = ["shift", "recursive", "propagation"].find((key) => options[key] && isTmpfs(options));
  if (never) return `"${never}" is not for tmpfs`;
  return undefined;
}
