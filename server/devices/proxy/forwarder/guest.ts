// The guest of a proxy as the forwarder holds it: by a pidfd, which keeps nothing of it alive and never means another process.
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { asUser, type User } from "../../../host/as-user.ts";
import { SysError, openat2, pidfdOpen, pollReadable, RESOLVE } from "../../../host/libc.ts";
import { inNetworkOf } from "../../../host/network-of.ts";
import type { ProxySpec } from "../spec.ts";

const O_PATH = 0o10000000;
const AT_FDCWD = -100;
const ESRCH = 3;

/** When a process was started, as /proc tells it. */
export function startOf(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\)/s, "").split(" ")[20] ?? "";
}

export class Guest {
  readonly pidfd: number;
  readonly #pid: number;

  /** Throws ESRCH when that process has ended. */
  constructor({ pid, start }: ProxySpec["init"]) {
    this.pidfd = pidfdOpen(pid);
    this.#pid = pid;
    try {
      if (this.hasEnded || startOf(pid) !== start) throw new SysError("pidfd_open", ESRCH, `pid ${pid}`);
    } catch (error) {
      closeSync(this.pidfd);
      throw error;
    }
  }

  get hasEnded(): boolean {
    return pollReadable([this.pidfd]).length > 0;
  }

  inNetwork<T>(work: () => T): T {
    return inNetworkOf(this.pidfd, work);
  }

  /** Runs `work` with a descriptor of the guest's root directory. */
  withRoot<T>(work: (root: number) => T): T {
    const root = openSync(`/proc/${this.#pid}/root`, O_PATH | constants.O_DIRECTORY);
    try {
      if (this.hasEnded) throw new SysError("open", ESRCH, "the instance has stopped"); // the pid may mean another process by now
      return work(root);
    } finally {
      closeSync(root);
    }
  }

  close(): void {
    closeSync(this.pidfd);
  }
}

/** One of the two sides of a proxy: the host, or the guest. */
export class Side {
  readonly guest: Guest | undefined;

  constructor(guest: Guest | undefined) {
    this.guest = guest;
  }

  inNetwork<T>(work: () => T): T {
    return this.guest ? this.guest.inNetwork(work) : work();
  }

  /** Opens a path (O_PATH) and runs `work`, as that user, with the name under which it can be used; no link leads out of the guest. */
  withPath<T>(path: string, flags: number, user: User, work: (through: string) => T): T {
    const open = (root: number) => asUser(user, () => {
      const fd = openat2(root, path, O_PATH | flags, 0, this.guest ? RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS : 0);
      try {
        return work(`/proc/self/fd/${fd}`);
      } finally {
        closeSync(fd);
      }
    });
    return this.guest ? this.guest.withRoot(open) : open(AT_FDCWD);
  }
}
