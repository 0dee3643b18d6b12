// Running a program in a container with lxc-attach, which joins its namespaces, cgroups and seccomp policy.
import { readFileSync, realpathSync } from "node:fs";
import { signalProcess } from "../host/pidfd.ts";
import { childEnv, findProgram } from "../host/run.ts";
import { sealedCopy } from "../host/sealed-copy.ts";
import { type Spawned, spawnProgram } from "../host/spawn.ts";

export interface AttachSpec {
  lxcPath: string;
  name: string;
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  cwd: string;
  /** A file of liblxc's with what else holds for the program. */
  config?: string | undefined;
  uid: number;
  gid: number;
  /** Root in it is root outside: lxc-attach runs from a copy in memory then, which it can do no harm to. */
  privileged: boolean;
  /**
   * Standard input, output and error: descriptors, or paths to open. Of a terminal's path lxc-attach makes
   * another terminal in the guest, and carries bytes, sizes and signals between the two.
   */
  stdio: readonly [number | string, number | string, number | string];
}

/**
 * lxc-attach enters the folder of the same name as the one it is started in. Where the host has none such,
 * a shell in the guest changes to it.
 */
function inFolder(spec: AttachSpec): { cwd: string; command: readonly string[] } {
  if (hostHas(spec.cwd)) return { cwd: spec.cwd, command: spec.command };
  return { cwd: "/", command: ["/bin/sh", "-c", 'cd "$0" || exit 1; exec "$@"', spec.cwd, ...spec.command] };
}

function hostHas(folder: string): boolean {
  try {
    return realpathSync.native(folder) === folder;
  } catch {
    return false;
  }
}

/** Starts the program; its end is that of the lxc-attach, which leads a session of its own. */
export function attach(spec: AttachSpec): Spawned {
  const { cwd, command } = inFolder(spec);
  const variables = Object.entries(spec.environment).flatMap(([key, value]) => ["-v", `${key}=${value}`]);
  const args = [
    "-P", spec.lxcPath, "-n", spec.name, ...(spec.config ? ["--rcfile", spec.config] : []), "-q", "-u", String(spec.uid), "-g", String(spec.gid), "--clear-env", ...variables, "--", ...command,
  ];
  return spawnProgram({ program: sealedCopy(findProgram("lxc-attach")), args: ["lxc-attach", ...args], env: childEnv(spec.privileged ? { LXC_MEMFD_REXEC: "1" } : {}), cwd, stdio: spec.stdio });
}

/** Signals the program that an lxc-attach runs; false when there is none. */
export function signalAttached(attacher: number, signal: number): boolean {
  let children: string;
  try {
    children = readFileSync(`/proc/${attacher}/task/${attacher}/children`, "utf8").trim();
  } catch {
    return false;
  }
  return children.split(" ").filter(Boolean).map((pid) => signalProcess(Number(pid), signal)).some(Boolean);
}
