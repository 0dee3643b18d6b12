// The names of system calls, as libseccomp has them: what it does not know, liblxc passes over without a word.
import koffi from "koffi";
import { log } from "../log.ts";

interface Library {
  /** The call's number here: below -1 when only other architectures have it, -1 when there is none. */
  number(name: string): number;
  /** By number on an architecture; null when there is none. */
  name(architecture: number, number: number): string | null;
}

let loaded: Library | undefined | null;

/** Undefined where there is no libseccomp; liblxc brings it. */
function library(): Library | undefined {
  if (loaded === undefined) {
    try {
      const file = koffi.load("libseccomp.so.2");
      const text = koffi.disposable("SystemCallName", "str");
      loaded = { number: file.func("int seccomp_syscall_resolve_name(const char *name)"), name: file.func("seccomp_syscall_resolve_num_arch", text, ["uint32", "int"]) };
    } catch (error) {
      log.warn("without libseccomp the names of system calls are not checked", { error: (error as Error).message });
      loaded = null;
    }
  }
  return loaded ?? undefined;
}

/** Whether any architecture has a system call of that name; true also when nobody can tell. */
export function isSystemCall(name: string): boolean {
  return library()?.number(name) !== -1;
}

/** AUDIT_ARCH_… of what 64-bit processors run besides. */
const elder: Readonly<Record<string, number>> = { x64: 0x40000003, arm64: 0x40000028 };

/** The system calls that only programs of the processor's 32-bit architecture have. */
export function elderSystemCalls(): string[] {
  const [names, architecture] = [library(), elder[process.arch]];
  if (!names || architecture === undefined) return [];
  return Array.from({ length: 600 }, (_, number) => names.name(architecture, number)).filter((name) => name !== null && names.number(name) < 0) as string[];
}
