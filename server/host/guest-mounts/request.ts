// What the daemon asks of the helper that works in a guest's mount namespace, and what it answers.
import type { IdMap } from "../user-namespace.ts";

/** A file system, and the part of it that is mounted: tells mounts of one thing from those of others. */
export interface MountIdentity {
  device: string;
  root: string;
}

export type GuestRequest =
  /** Puts the detached mount that descriptor 4 is at a path of the guest's, which is made if it is missing. */
  | { action: "mount"; path: string; directory: boolean; map: IdMap }
  /** Takes away what is mounted at a path, as far as it is one of `expected`; an empty file that was made for it goes with `removeFile`. */
  | { action: "unmount"; path: string; expected: readonly MountIdentity[]; removeFile: boolean };

export interface GuestAnswer {
  /** What went wrong, for users. */
  refused?: string;
  /** The place in the guest, links resolved. */
  point?: string;
}
