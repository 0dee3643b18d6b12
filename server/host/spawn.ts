// Starting programs quickly: posix_spawn shares the daemon's memory until the program runs, where Node's own
// spawn copies the page tables of a large process first (some ms, in which nothing else is served).
import koffi from "koffi";
import { SysError } from "./libc.ts";

const libc = koffi.load("libc.so.6");
const native = {
  spawn: libc.func("posix_spawn", "int", ["void *", "str", "void *", "void *", "str *", "str *"]),
  actionsInit: libc.func("int posix_spawn_file_actions_init(void *actions)"),
  actionsDestroy: libc.func("int posix_spawn_file_actions_destroy(void *actions)"),
  addDup2: libc.func("int posix_spawn_file_actions_adddup2(void *actions, int fd, int target)"),
  addOpen: libc.func("int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint32_t mode)"),
  addChdir: libc.func("int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)"),
  attrInit: libc.func("int posix_spawnattr_init(void *attributes)"),
  attrDestroy: libc.func("int posix_spawnattr_destroy(void *attributes)"),
  setFlags: libc.func("int posix_spawnattr_setflags(void *attributes, short flags)"),
  setDefault: libc.func("int posix_spawnattr_setsigdefault(void *attributes, void *set)"),
  setMask: libc.func("int posix_spawnattr_setsigmask(void *attributes, void *set)"),
  waitpid: libc.func("int waitpid(int pid, void *status, int options)"),
};

const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const WNOHANG = 1;

export interface SpawnSpec {
  /** Absolute path. */
  program: string;
  /** With the program's own name first. */
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** Standard input, output and error: descriptors, or paths to open. The first terminal opened by its path becomes the session's. */
  stdio: readonly (number | string)[];
}

/** How a program ended. */
export interface Exit {
  /** Undefined when a signal ended it. */
  code: number | undefined;
  signal: number | undefined;
}

export interface Spawned {
  pid: number;
  exit: Promise<Exit>;
  /** False once it has ended. */
  isRunning(): boolean;
}

const waiting = new Map<number, (exit: Exit) => void>();
let listening = false;

/** Takes the statuses of those that have ended; Node takes those of its own children by itself. */
function reap(): void {
  const status = Buffer.alloc(4);
  for (const [pid, ended] of waiting) {
    if (native.waitpid(pid, status, WNOHANG) !== pid) continue;
    waiting.delete(pid);
    const value = status.readInt32LE(0);
    const signal = value & 0x7f;
    ended(signal === 0 ? { code: (value >> 8) & 0xff, signal: undefined } : { code: undefined, signal });
  }
}

/** Starts a program as the leader of a session of its own. Throws SysError (ENOENT, …). */
export function spawnProgram(spec: SpawnSpec): Spawned {
  if (!listening) process.on("SIGCHLD", reap);
  listening = true;
  const actions = Buffer.alloc(128);
  const attributes = Buffer.alloc(512);
  const all = Buffer.alloc(128, 0xff);
  native.actionsInit(actions);
  native.attrInit(attributes);
  try {
    native.setFlags(attributes, SETSID | SETSIGDEF | SETSIGMASK);
    native.setDefault(attributes, all);
    native.setMask(attributes, Buffer.alloc(128));
    const O_RDWR = 2;
    spec.stdio.forEach((from, target) => {
      if (typeof from === "string") native.addOpen(actions, target, from, O_RDWR, 0);
      else native.addDup2(actions, from, target);
    });
    native.addChdir(actions, spec.cwd);
    const pid = Buffer.alloc(4);
    const env = Object.entries(spec.env).map(([key, value]) => `${key}=${value}`);
    const error = native.spawn(pid, spec.program, actions, attributes, [...spec.args, null], [...env, null]) as number;
    if (error !== 0) throw new SysError("posix_spawn", error, spec.program);
    return follow(pid.readInt32LE(0));
  } finally {
    native.actionsDestroy(actions);
    native.attrDestroy(attributes);
  }
}

function follow(pid: number): Spawned {
  const exit = new Promise<Exit>((resolve) => waiting.set(pid, resolve));
  return { pid, exit, isRunning: () => waiting.has(pid) };
}
