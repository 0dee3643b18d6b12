// The last steps of a process into a root of its own: another root, fewer capabilities, another program.
// All of it happens to the calling process, which ends in `become`.
import { constants } from "node:os";
import koffi from "koffi";
import { MNT_DETACH, SysError, umount } from "./libc.ts";

const libc = koffi.load("libc.so.6");
const raw = {
  syscall: libc.func("syscall", "long", ["long", "str", "str"]),
  prctl: libc.func("int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5)"),
  sethostname: libc.func("int sethostname(const char *name, size_t length)"),
  fcntl: libc.func("fcntl", "int", ["int", "int", "long"]),
  signal: libc.func("void *signal(int number, void *handler)"),
  execve: libc.func("int execve(const char *path, const char **argv, const char **envp)"),
};

const pivotRootNumber: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 155, arm64: 41, riscv64: 41, loong64: 41, arm: 218, ia32: 217, ppc64: 203, s390x: 217 };

function check(syscall: string, result: number | bigint, what = ""): void {
  if (Number(result) < 0) throw new SysError(syscall, koffi.errno(), what);
}

/** Makes a mount point the root of this mount namespace, whose other mounts go away: nothing leads out of it. */
export function pivotRoot(root: string): void {
  process.chdir(root);
  check("pivot_root", raw.syscall(pivotRootNumber[process.arch] ?? -1, ".", "."), root);
  umount(".", MNT_DETACH);
  process.chdir("/");
}

export function setHostName(name: string): void {
  check("sethostname", raw.sethostname(name, Buffer.byteLength(name)));
}

/** By their numbers in linux/capability.h. */
export const CAP = {
  CHOWN: 0, DAC_OVERRIDE: 1, FOWNER: 3, FSETID: 4, KILL: 5, SETGID: 6, SETUID: 7, SETPCAP: 8, NET_BIND_SERVICE: 10, SYS_CHROOT: 18, MKNOD: 27,
  AUDIT_WRITE: 29, SETFCAP: 31,
} as const;

const lastCapability = 63;

/** Leaves only these capabilities to what this process becomes, and to all that comes of it. */
export function boundCapabilities(kept: readonly number[]): void {
  const PR_CAPBSET_READ = 23;
  const PR_CAPBSET_DROP = 24;
  for (let capability = 0; capability <= lastCapability; capability++) {
    if (kept.includes(capability) || raw.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) !== 1) continue;
    check("prctl", raw.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), `capability ${capability}`);
  }
}

/** Becomes another program. Returns only by throwing. */
export function become(program: string, args: readonly string[], env: Readonly<Record<string, string>>): never {
  const F_SETFD = 2;
  for (const fd of [0, 1, 2]) check("fcntl", raw.fcntl(fd, F_SETFD, 0)); // Node closes at exec all that it was given
  raw.signal(constants.signals.SIGPIPE, null); // Node ignores it, and what is ignored stays so
  raw.execve(program, [...args, null], [...Object.entries(env).map(([key, value]) => `${key}=${value}`), null]);
  throw new SysError("execve", koffi.errno(), program);
}
