// Running a program in a container with lxc-attach, which joins its namespaces, cgroups and seccomp policy.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { childEnv } from "../host/run.ts";
import { signalProcess } from "../host/pidfd.ts";

export interface AttachSpec {
  lxcPath: string;
  name: string;
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  cwd: string;
  uid: number;
  gid: number;
  /** Standard input, output and error. */
  stdio: readonly [number | "ignore", number | "ignore", number | "ignore"];
  /** They are a terminal: lxc-attach makes another in the guest and carries bytes, sizes and signals between them. */
  terminal?: boolean;
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

/** Starts the program; its exit status becomes the child's. The child leads a session of its own. */
export function attach(spec: AttachSpec): ChildProcess {
  const { cwd, command } = inFolder(spec);
  const variables = Object.entries(spec.environment).flatMap(([key, value]) => ["-v", `${key}=${value}`]);
  const args = [
    "-P", spec.lxcPath, "-n", spec.name, "-q", "-u", String(spec.uid), "-g", String(spec.gid),
    "--clear-env", ...variables, "--", ...command,
  ];
  const options: SpawnOptions = { cwd, env: childEnv(), stdio: [...spec.stdio] };
  // Only the leader of a session can take a terminal for its own.
  if (spec.terminal) return spawn("setsid", ["-c", "lxc-attach", ...args], options);
  return spawn("lxc-attach", args, { ...options, detached: true });
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
