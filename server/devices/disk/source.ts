// What a disk shows the guest, as a detached mount: a copy of a place on the host, a block device's file system, a tmpfs.
import { closeSync, constants, fstatSync, mkdirSync, openSync, rmdirSync, statSync } from "node:fs";
import path from "node:path";
import { isTrue, parseSize } from "../../api/config-keys/key.ts";
import { fail, isCode } from "../../api/errors.ts";
import { hasCode, MNT_DETACH, mount, MOUNT_ATTR, MS, openat2, openTree, PROPAGATION, RESOLVE, setMountAttributes, umount } from "../../host/libc.ts";
import { mountOf, readMounts } from "../../host/mountinfo.ts";
import { run } from "../../host/run.ts";
import { userNamespace } from "../../host/user-namespace.ts";
import { toHostId } from "../ids.ts";
import type { DeviceCall, DeviceReference } from "../device.ts";
import { deviceError, isIdentity, stagingFolder } from "../staging.ts";
import { isWithin } from "./within.ts";
import { isRequired, isRoot, isTmpfs, parseMountOptions, propagations } from "./options.ts";

const O_PATH = 0o10000000;

export interface Source {
  /** A descriptor of the detached mount. */
  tree: number;
  directory: boolean;
}

/** Opens a disk's source; undefined when it is missing and need not be there. Throws `device_start_failed`. */
export async function openSource(call: DeviceCall): Promise<Source | undefined> {
  const { options } = call;
  if (isTmpfs(options)) return { tree: mountDetached(call, "tmpfs", "tmpfs", MS.NOSUID | MS.NODEV, tmpfsData(call)), directory: true };
  const { sourceFolders } = call.instance;
  if (!sourceFolders) return openPath(call, options["source"] ?? "");
  const pin = pinBeneath(call, sourceFolders, options["source"] ?? "");
  if (pin === undefined) return missing(call);
  try {
    return await openPath(call, `/proc/${process.pid}/fd/${pin}`);
  } finally {
    closeSync(pin);
  }
}

/** Throws `disk_source_missing` when a source is not there that has to be. */
export function findSource(call: DeviceReference): void {
  const { options, instance: { sourceFolders }, name } = call;
  const source = options["source"] ?? "";
  if (isRoot(options) || isTmpfs(options) || !isRequired(options)) return;
  if (sourceFolders ? isBeneath(call, sourceFolders, source) : statSource(call, source)) return;
  throw fail("disk_source_missing", { device: name, source });
}

/** Whether a source is there, as far as the folder goes that it has to lie beneath: where it leads out of that is told by nothing but a start. */
function isBeneath(call: DeviceReference, folders: readonly string[], source: string): boolean {
  try {
    const pin = pinBeneath(call, folders, source);
    if (pin !== undefined) closeSync(pin);
    return pin !== undefined;
  } catch (error) {
    if (isCode(error, "device_start_failed")) return true;
    throw error;
  }
}

/** Opens a source without leaving the folder that it has to lie beneath, by whatever links: users may write there. */
function pinBeneath({ name }: DeviceReference, folders: readonly string[], source: string): number | undefined {
  const folder = folders.find((one) => isWithin(one, source));
  if (folder === undefined) throw deviceError(name, `Disk source path "${source}" not allowed`);
  const parent = openSync(folder, O_PATH | constants.O_DIRECTORY);
  try {
    return openat2(parent, path.relative(path.normalize(folder), path.normalize(source)) || ".", O_PATH, 0, RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    if (hasCode(error, "EXDEV", "ELOOP")) throw deviceError(name, `Source path "${source}" resolves outside of restricted parent source path "${folder}"`, error);
    throw error;
  } finally {
    closeSync(parent);
  }
}

function missing({ options, name }: DeviceCall): undefined {
  if (isRequired(options)) throw deviceError(name, `Missing source path "${options["source"]}"`);
}

async function openPath(call: DeviceCall, source: string): Promise<Source | undefined> {
  const { options, name } = call;
  const stats = statSource(call, source);
  if (!stats) return missing(call);
  const { set, clear, data } = parseMountOptions(options["raw.mount.options"] ?? "");
  const readonly = isTrue(options["readonly"]) ? MOUNT_ATTR.RDONLY : 0;
  let tree: number;
  if (stats.isBlockDevice()) {
    const flags = readonly || set & MOUNT_ATTR.RDONLY ? MS.RDONLY : 0;
    tree = mountDetached(call, source, await fileSystemOn(call, source), flags, data.join(","));
  } else {
    if (data.length > 0) throw deviceError(name, `"raw.mount.options" holds "${data[0]}", which is no option of a mount, and ${source} is no block device`);
    tree = openTree(source, isTrue(options["recursive"]));
  }
  try {
    await setAttributes(call, source, tree, { set: set | readonly, clear: clear & ~readonly });
    return { tree, directory: fstatSync(tree).isDirectory() };
  } catch (error) {
    closeSync(tree);
    throw error;
  }
}

function statSource({ name }: DeviceReference, source: string) {
  try {
    return statSync(source);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw deviceError(name, `source "${source}" cannot be read: ${(error as Error).message}`, error);
  }
}

/** Owner, mode and size of a tmpfs. */
function tmpfsData({ options, map, name }: DeviceCall): string {
  const [uid, gid] = [toHostId(map.uid, options["initial.uid"] ?? "0"), toHostId(map.gid, options["initial.gid"] ?? "0")];
  if (uid === undefined || gid === undefined) throw deviceError(name, '"initial.uid" and "initial.gid" must be ids that the guest has');
  const size = parseSize(options["size"] ?? "");
  return [`uid=${uid}`, `gid=${gid}`, `mode=${options["initial.mode"] ?? "0711"}`, ...(size ? [`size=${size}`] : [])].join(",");
}

/** Changes the size of a tmpfs. */
export function resizeTmpfs(place: string, size: string | undefined): void {
  mount("tmpfs", place, "tmpfs", MS.REMOUNT | MS.NOSUID | MS.NODEV, `size=${parseSize(size ?? "") ?? "50%"}`);
}

/** Mounts a file system and takes the mount out of the tree again. */
function mountDetached(call: DeviceCall, device: string, type: string, flags: number, data: string): number {
  const place = `${stagingFolder(call)}/.new`;
  mkdirSync(place, { recursive: true });
  try {
    mount(device, place, type, flags, data);
    try {
      return openTree(place);
    } finally {
      umount(place, MNT_DETACH);
    }
  } catch (error) {
    throw deviceError(call.name, `${device} cannot be mounted: ${(error as Error).message}`, error);
  } finally {
    rmdirSync(place);
  }
}

async function fileSystemOn({ name }: DeviceCall, device: string): Promise<string> {
  const { stdout } = await run("blkid", ["-p", "-s", "TYPE", "-o", "value", "--", device]).catch((error) => {
    throw deviceError(name, `there is no file system on ${device}`, error);
  });
  const type = stdout.trim();
  if (!/^[\w.-]+$/.test(type)) throw deviceError(name, `there is no file system on ${device}`);
  return type;
}

async function setAttributes(call: DeviceCall, source: string, tree: number, { set, clear }: { set: number; clear: number }): Promise<void> {
  const { options, map, name } = call;
  const { kind, recursive } = propagations[options["propagation"] ?? "private"] ?? { kind: PROPAGATION.PRIVATE, recursive: false };
  setMountAttributes(tree, { propagation: kind }, kind !== PROPAGATION.PRIVATE && !recursive);
  if (set || clear) setMountAttributes(tree, { set, clear });
  if (!isTrue(options["shift"]) || isIdentity(map)) return;
  // Root's device nodes would be the guest's root's.
  if (!/(^|,)\s*dev\s*(,|$)/.test(options["raw.mount.options"] ?? "")) setMountAttributes(tree, { set: MOUNT_ATTR.NODEV });
  try {
    setMountAttributes(tree, { set: MOUNT_ATTR.IDMAP, userNamespaceFd: await userNamespace(map) });
  } catch (error) {
    if (!hasCode(error, "EINVAL", "EOPNOTSUPP", "EPERM")) throw error;
    const type = mountOf(source, readMounts())?.type ?? "unknown";
    throw deviceError(name, `"shift" needs idmapped mounts, which the file system of ${source} (${type}) does not have here`, error);
  }
}
