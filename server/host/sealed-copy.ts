// Copies of programs in memory that nothing can change. lxc-attach runs from one, so that a guest cannot reach its file through
// /proc; started from one it need not make it first, which takes it 2 ms and a second start.
import { closeSync, readFileSync, statSync, writeSync } from "node:fs";
import koffi from "koffi";
import { explain, log } from "../log.ts";

const libc = koffi.load("libc.so.6");
const raw = {
  create: libc.func("int memfd_create(const char *name, unsigned int flags)"),
  fcntl: libc.func("fcntl", "int", ["int", "int", "long"]),
};

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 16; // older kernels do not know it
const F_ADD_SEALS = 1033;
/** No more seals, not smaller, not larger, not written to: what lxc-attach looks for. */
const allSeals = 1 | 2 | 4 | 8;

interface Copy {
  version: string;
  /** Undefined where none can be made. */
  fd: number | undefined;
}

const copies = new Map<string, Copy>();

function makeCopy(program: string): number | undefined {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const name = program.slice(program.lastIndexOf("/") + 1);
  let fd: number = raw.create(name, flags | MFD_EXEC);
  if (fd < 0) fd = raw.create(name, flags);
  if (fd < 0) return undefined;
  try {
    const bytes = readFileSync(program);
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    if (raw.fcntl(fd, F_ADD_SEALS, allSeals) === 0) return fd;
  } catch (error) {
    log.debug("a program is not copied into memory", { program, error: explain(error) });
  }
  closeSync(fd);
  return undefined;
}

/** A path that starts a sealed copy of a program, as it is on the disk now; the program's own where there can be none. */
export function sealedCopy(program: string): string {
  const { ino, size, mtimeMs } = statSync(program);
  const version = `${ino} ${size} ${mtimeMs}`;
  let copy = copies.get(program);
  if (copy?.version !== version) {
    if (copy?.fd !== undefined) closeSync(copy.fd);
    copy = { version, fd: makeCopy(program) };
    copies.set(program, copy);
  }
  return copy.fd === undefined ? program : `/proc/self/fd/${copy.fd}`;
}
