// Where something is to be mounted in a guest: found without being led out of its root, and made if it is missing,
// as far as the guest's own root could make it.
import { closeSync, constants, fstatSync } from "node:fs";
import { asContainerRoot } from "../as-container-root.ts";
import { hasCode, makeFileAt, mkdirAt, openat2, RESOLVE } from "../libc.ts";
import type { IdMap, IdRange } from "../user-namespace.ts";

const O_PATH = 0o10000000;
const inRoot = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS;

/** A place that cannot be mounted on. */
export class TargetError extends Error {
  override readonly name = "TargetError";
}

/** Names what lies at a path below a root; undefined when nothing does. */
export function findTarget(rootFd: number, path: string): number | undefined {
  try {
    return openat2(rootFd, path.replace(/^\/+/, "") || ".", O_PATH, 0, inRoot);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

const covers = (ranges: readonly IdRange[], id: number) => ranges.length === 0 || ranges.some(({ outside, count }) => id >= outside && id < outside + count);

/** The guest's root may write where both owners are ids of the guest's. */
function assertWritable(folder: number, path: string, map: IdMap): void {
  const { uid, gid } = fstatSync(folder);
  if (!covers(map.uid, uid) || !covers(map.gid, gid)) throw new TargetError(`the guest may not make ${path}`);
}

function make(parent: number, name: string, path: string, directory: boolean, map: IdMap): void {
  assertWritable(parent, path, map);
  const [uid, gid] = [map.uid, map.gid].map((ranges) => ranges.find(({ inside }) => inside === 0)?.outside ?? 0) as [number, number];
  try {
    asContainerRoot(uid, gid, () => (directory ? mkdirAt(parent, name, 0o755) : makeFileAt(parent, name, 0o644)));
  } catch (error) {
    if (hasCode(error, "EEXIST")) throw new TargetError(`${path} is a link that leads nowhere`);
    throw error;
  }
}

/** Names the place at a path, with the folders on the way there, made if they are missing. Throws TargetError. */
export function ensureTarget(rootFd: number, path: string, directory: boolean, map: IdMap): number {
  const names = path.split("/").filter(Boolean);
  let parent = openat2(rootFd, ".", O_PATH | constants.O_DIRECTORY, 0, inRoot);
  try {
    names.forEach((name, index) => {
      const sofar = names.slice(0, index + 1).join("/");
      const isLast = index === names.length - 1;
      let next = findTarget(rootFd, sofar);
      if (next === undefined) {
        make(parent, name, `/${sofar}`, directory || !isLast, map);
        next = openat2(parent, name, O_PATH | constants.O_NOFOLLOW, 0, RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS);
      }
      closeSync(parent);
      parent = next;
      if (!isLast && !fstatSync(next).isDirectory()) throw new TargetError(`/${sofar} is not a folder`);
    });
    if (fstatSync(parent).isDirectory() !== directory) throw new TargetError(`${path} is ${directory ? "not a folder" : "a folder"} in the guest`);
    return parent;
  } catch (error) {
    closeSync(parent);
    throw error;
  }
}
