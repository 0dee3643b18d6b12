// What devices mount in guests is made ready in the instance's folder below $BERTH_DIR/devices, one place for each path
// in the guest. A place holds two mounts. The lower one is the place itself, shared; what the guest is to have lies on it.
// At a start liblxc binds the upper one. For a guest that runs a copy of the lower one is brought to its path first, and
// what is then mounted on the place follows there by itself: only so does the kernel lock its flags, read-only among
// them, against the guest's root.
import { chmodSync, chownSync, closeSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fail } from "../api/errors.ts";
import { GuestRefusal, type MountIdentity, mountInGuest, unmountInGuest } from "../host/guest-mounts/index.ts";
import { hasCode, moveMount, openTree, PROPAGATION, setMountAttributes } from "../host/libc.ts";
import { type Mount, readMounts } from "../host/mountinfo.ts";
import { unmountTree } from "../host/mounts.ts";
import type { IdMap } from "../host/user-namespace.ts";
import { rootIds } from "../lxc/idmap.ts";
import type { DeviceCall, Guest } from "./device.ts";

/** One thing to mount in a guest. */
export interface Staged {
  /** Device it belongs to. */
  device: string;
  /** Absolute, in the guest. */
  path: string;
  /** Where it is on the host. */
  place: string;
}

const longestName = 255;

/** The name of a place. Device names hold no colon. */
export function placeName(device: string, guestPath: string): string {
  return `${device}:${guestPath.replace(/[%/]/g, (char) => (char === "/" ? "%2F" : "%25"))}`;
}

export function parsePlace(folder: string, name: string): Staged | undefined {
  const [, device, encoded] = /^([\w.-]+):(%2F.*)$/s.exec(name) ?? [];
  if (!device || !encoded) return undefined;
  return { device, path: encoded.replace(/%2F/g, "/").replace(/%25/g, "%"), place: `${folder}/${name}` };
}

/** Whether a place can have the name it needs. */
export function isPathTooLong(guestPath: string): boolean {
  return new TextEncoder().encode(placeName("x".repeat(64), guestPath)).length > longestName;
}

export function deviceError(device: string, reason: string, cause?: unknown) {
  return fail("device_start_failed", { device, reason, hint: "" }, cause);
}

/** The folder of an instance's places: nobody but its root passes through. */
export function stagingFolder({ host, instance, map }: Pick<DeviceCall, "host" | "instance" | "map">): string {
  const folder = host.paths.devices(instance.systemName);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chownSync(folder, rootIds(map).uid, 0);
  chmodSync(folder, 0o100);
  return folder;
}

/** What a device, or all of an instance's devices, have there. */
export function listStaged(folder: string, device?: string): Staged[] {
  try {
    return readdirSync(folder).flatMap((name) => parsePlace(folder, name) ?? []).filter((one) => device === undefined || one.device === device);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** Makes a place, with the lower mount. */
function makePlace(call: DeviceCall, guestPath: string, directory: boolean): Staged {
  const folder = stagingFolder(call);
  const place = `${folder}/${placeName(call.name, guestPath)}`;
  clearPlace(place); // of a daemon that was killed
  if (directory) mkdirSync(place, { mode: 0o755 });
  else writeFileSync(place, "", { mode: 0o644 });
  const lower = openTree(place);
  try {
    setMountAttributes(lower, { propagation: PROPAGATION.PRIVATE });
    setMountAttributes(lower, { propagation: PROPAGATION.SHARED });
    moveMount(lower, place);
  } finally {
    closeSync(lower);
  }
  return { device: call.name, path: guestPath, place };
}

/** Whether both mounts of a place are there. */
export function isComplete(place: string): boolean {
  return readMounts().filter((mount) => mount.point === place).length >= 2;
}

/** Where the device node is that is shown at a place. */
export function nodeFile(place: string): string {
  return `${path.dirname(place)}/.node:${path.basename(place)}`;
}

/** Unmounts a place and removes it. */
export function unstage(place: string): void {
  clearPlace(place);
  rmSync(nodeFile(place), { force: true });
}

function clearPlace(place: string): void {
  unmountTree(place);
  try {
    if (lstatSync(place).isDirectory()) rmdirSync(place); // never what is in it
    else unlinkSync(place);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/** Makes a detached mount ready for a start; gives its place. */
export function stage(call: DeviceCall, guestPath: string, tree: number, directory: boolean): string {
  const { place } = makePlace(call, guestPath, directory);
  moveMount(tree, place);
  return place;
}

/** Mounts a detached mount in a guest that runs. Throws `device_start_failed`, and leaves nothing behind then. */
export async function plug(call: DeviceCall, guest: Guest, guestPath: string, tree: number, directory: boolean): Promise<void> {
  const staged = makePlace(call, guestPath, directory);
  let point: string | undefined;
  try {
    const copy = openTree(staged.place);
    try {
      setMountAttributes(copy, { propagation: PROPAGATION.SLAVE });
      point = await mountInGuest(guest.init, copy, guestPath, directory, call.map);
    } finally {
      closeSync(copy);
    }
    moveMount(tree, staged.place);
    assertArrived(guest, staged.place, point);
  } catch (error) {
    if (point !== undefined) await unplugOne(guest, staged, false).catch(() => {});
    unstage(staged.place);
    throw error instanceof GuestRefusal ? deviceError(call.name, error.message, error) : error;
  }
}

function assertArrived(guest: Guest, place: string, point: string): void {
  const own = readMounts().filter((mount) => mount.point === place).at(-1);
  const arrived = readMounts(guest.init).some((mount) => mount.point === point && own && isSame(mount, own));
  if (!arrived) throw new GuestRefusal(`it did not reach ${point}: the guest has changed its mounts meanwhile`);
}

const isSame = (a: MountIdentity, b: MountIdentity) => a.device === b.device && a.root === b.root;

/** What a place's mounts look like in the guest. */
function identities(place: string): MountIdentity[] {
  const mounts = readMounts();
  return mounts.filter((mount) => mount.point === place).map(({ device, root }: Mount) => ({ device, root }));
}

/** Takes a mount out of a guest that runs, and removes its place. `removeFile`: with the empty file it was mounted on. */
async function unplugOne(guest: Guest, staged: Staged, removeFile: boolean): Promise<void> {
  await unmountInGuest(guest.init, staged.path, identities(staged.place), removeFile);
  unstage(staged.place);
}

/** Takes all that a device has mounted out of a guest that runs. Throws `device_start_failed`. */
export async function unplug(call: Pick<DeviceCall, "host" | "instance" | "name">, guest: Guest, removeFiles: boolean): Promise<void> {
  for (const staged of listStaged(call.host.paths.devices(call.instance.systemName), call.name).reverse()) await unplugPath(call, guest, staged, removeFiles);
}

/** Takes one thing that a device has mounted out of a guest that runs. Throws `device_start_failed`. */
export async function unplugPath(call: Pick<DeviceCall, "name">, guest: Guest, staged: Staged, removeFile: boolean): Promise<void> {
  try {
    await unplugOne(guest, staged, removeFile);
  } catch (error) {
    throw error instanceof GuestRefusal ? deviceError(call.name, error.message, error) : error;
  }
}

/** Frees what a device has staged, once the guest has stopped. */
export function releaseStaged(call: Pick<DeviceCall, "host" | "instance" | "name">): void {
  for (const { place } of listStaged(call.host.paths.devices(call.instance.systemName), call.name).reverse()) unstage(place);
}

/** Whether the map leaves ids as they are; the one of a privileged guest is empty. */
export function isIdentity(map: IdMap): boolean {
  return [...map.uid, ...map.gid].every(({ inside, outside }) => inside === outside);
}
