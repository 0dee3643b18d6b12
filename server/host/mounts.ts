// Mounts that Berth makes: idmapped copies, overlays, squashfs images.
import { close, closeSync, constants, lstatSync, openSync, realpathSync, rmdirSync, rmSync } from "node:fs";
import path from "node:path";
import { asContainerRoot } from "./as-container-root.ts";
import { hasCode, idmapMount, MNT_DETACH, MS, mount, moveMount, openTree, umount } from "./libc.ts";
import { mountsBelow, readMounts } from "./mountinfo.ts";

const O_PATH = 0o10000000;

/** Whether something is mounted on a directory. */
export function isMountPoint(directory: string): boolean {
  try {
    return lstatSync(directory).dev !== lstatSync(path.dirname(directory)).dev;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    return true; // a mount whose server died answers with errors
  }
}

/** Mounts a copy of `source` at `target` in which owners are mapped by the user namespace. */
export function mountIdmapped(source: string, target: string, userNamespaceFd: number): void {
  const tree = openTree(source);
  try {
    idmapMount(tree, userNamespaceFd);
    moveMount(tree, target);
  } finally {
    closeSync(tree);
  }
}

/** Whether the kernel can map the owners in a mount; squashfs, say, it can since 6.2. */
export function canIdmap(directory: string, userNamespaceFd: number): boolean {
  const tree = openTree(directory);
  try {
    idmapMount(tree, userNamespaceFd);
    return true;
  } catch (error) {
    if (hasCode(error, "EINVAL", "EOPNOTSUPP", "EPERM")) return false; // EPERM: in a container
    throw error;
  } finally {
    closeSync(tree);
  }
}

export interface Overlay {
  /** Topmost first. */
  lower: readonly string[];
  upper: string;
  work: string;
  /** Host ids of the container's root: the ids the overlay works with. */
  uid: number;
  gid: number;
  /** Device nodes work. */
  devices?: boolean;
}

function escapeOption(value: string): string {
  return value.replace(/([\\:,])/g, "\\$1");
}

/** Mounts an overlay. Device nodes in it stay without effect unless it says otherwise. */
export function mountOverlay(overlay: Overlay, target: string): void {
  const options = [
    `lowerdir=${overlay.lower.map(escapeOption).join(":")}`,
    `upperdir=${escapeOption(overlay.upper)}`,
    `workdir=${escapeOption(overlay.work)}`,
    "redirect_dir=on", "index=off", "metacopy=off", "xino=auto",
  ].join(",");
  asContainerRoot(overlay.uid, overlay.gid, () => mount("overlay", target, "overlay", overlay.devices ? 0 : MS.NODEV, options));
}

/** Mounts an overlay that nobody can write to, with the ids that its layers have. */
export function mountRawOverlay(lower: readonly string[], target: string): void {
  mount("overlay", target, "overlay", MS.NODEV | MS.RDONLY | MS.NOSUID, `lowerdir=${lower.map(escapeOption).join(":")},redirect_dir=follow`);
}

/** Unmounts a directory and all that is mounted below it; it may not be mounted at all. */
export function unmountTree(target: string): void {
  for (let depth = 0; depth < 16; depth++) {
    try {
      umount(target, MNT_DETACH);
    } catch (error) {
      if (hasCode(error, "EINVAL", "ENOENT")) return;
      throw error;
    }
  }
}

/** Unmounts what is mounted on a folder, and removes it; it may not be there. */
export function removeMountPoint(target: string): void {
  unmountTree(target);
  try {
    rmdirSync(target);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

let lettingGo = Promise.resolve();

/**
 * Unmounts what is mounted on a directory: it is gone when this returns. Resolves when its file system is let go; with an overlay's the
 * kernel writes down all that waits in the file system below it, which can take seconds, so that happens on a thread, one at a time.
 */
export function unmountGently(target: string): Promise<void> {
  if (!isMountPoint(target)) return lettingGo;
  const pin = openSync(target, constants.O_DIRECTORY | O_PATH);
  try {
    unmountTree(target);
  } finally {
    lettingGo = lettingGo.then(() => new Promise((resolve) => close(pin, () => resolve())));
  }
  return lettingGo;
}

/** Unmounts all that is mounted on a folder or below it. Throws when something stays. */
export function unmountBelow(folder: string): void {
  let real: string;
  try {
    real = path.join(realpathSync(path.dirname(folder)), path.basename(folder));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  for (const { point } of mountsBelow(real, readMounts())) unmountTree(point);
  const left = mountsBelow(real, readMounts())[0];
  if (left) throw new Error(`${left.point} is still mounted: nothing below ${folder} is removed`);
}

/** Removes a folder with all that is in it; what is mounted there is unmounted first, never emptied. */
export function removeTree(folder: string): void {
  unmountBelow(folder);
  rmSync(folder, { recursive: true, force: true });
}
