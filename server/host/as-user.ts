// Doing a system call with the ids of another user, as whom the other side of a unix socket then sees the caller.
import koffi from "koffi";
import { getCapabilities, setCapabilities, SysError } from "./libc.ts";

const libc = koffi.load("libc.so.6");
// By number: the functions of libc change all threads, with a signal to each.
const syscall = libc.func("syscall", "long", ["long", "uint32_t", "uint32_t", "uint32_t"]);
const [setresuid, setresgid] = process.arch === "x64" ? [117, 119] : [147, 149];
const same = 0xffffffff;

export interface User {
  readonly uid: number;
  readonly gid: number;
  /** Keeps the capabilities: for a guest's root, who may open whatever is the guest's. */
  readonly privileged: boolean;
}

function setIds(uid: number, gid: number): void {
  if (syscall(setresgid, same, gid, same) !== 0) throw new SysError("setresgid", koffi.errno(), String(gid));
  if (syscall(setresuid, same, uid, same) !== 0) throw new SysError("setresuid", koffi.errno(), String(uid));
}

/** Runs `work` with a user's effective ids. `work` must be synchronous: the ids belong to the thread. */
export function asUser<T>({ uid, gid, privileged }: User, work: () => T): T {
  if (uid === 0 && gid === 0) return work();
  const capabilities = getCapabilities();
  try {
    setIds(uid, gid); // drops the effective capabilities when the user is not root
    if (privileged) setCapabilities(capabilities);
    return work();
  } finally {
    setIds(0, 0); // still the real ids, so no capability is needed
    setCapabilities(capabilities);
  }
}
