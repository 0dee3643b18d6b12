// The one door to other programs. No shell: arguments go to the program as they are.
import { accessSync, constants } from "node:fs";
import { execa } from "execa";
import { BerthError, fail } from "../api/errors.ts";

export interface RunOptions {
  /** Text for standard input; nothing when absent. */
  input?: string;
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  /** Milliseconds; the program is killed after it. None when absent. */
  timeout?: number;
  /** Exit statuses besides 0 that are no failure. */
  alsoGood?: readonly number[];
}

export interface RunResult {
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. Throws `tool_missing` or `tool_failed`, which carries its last words. */
export type Run = (tool: string, args: readonly string[], options?: RunOptions) => Promise<RunResult>;

/** Which Debian package brings a program, for the hint when it is missing. */
const packages: Readonly<Record<string, string>> = {
  "lxc-start": "lxc", "lxc-attach": "lxc", "lxc-console": "lxc", dnsmasq: "dnsmasq-base", nft: "nftables", ip: "iproute2", tc: "iproute2", bridge: "iproute2", tar: "tar",
  xz: "xz-utils", zstd: "zstd", gzip: "gzip", bzip2: "bzip2", unsquashfs: "squashfs-tools", mksquashfs: "squashfs-tools",
  mount: "mount", losetup: "mount", unshare: "util-linux", blkid: "util-linux", cp: "coreutils", du: "coreutils", sync: "coreutils", "mkfs.btrfs": "btrfs-progs", btrfs: "btrfs-progs", setpriv: "util-linux", nsenter: "util-linux", lxcfs: "lxcfs", modprobe: "kmod",
  rsync: "rsync", chroot: "coreutils", mmdebstrap: "mmdebstrap", debootstrap: "debootstrap", find: "findutils",
};

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The environment that children get: ours, with the system's folders in PATH and none of Node's own variables. */
export function childEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const env: Record<string, string> = { LC_ALL: "C.UTF-8" };
  for (const [key, value] of Object.entries(process.env)) {
    if (value !== undefined && !key.startsWith("NODE_") && !key.startsWith("LISTEN_") && !key.startsWith("LC_")) env[key] = value;
  }
  env["PATH"] = env["PATH"] ? `${env["PATH"]}:${systemPath}` : systemPath;
  return { ...env, ...extra };
}

/** The absolute path of a program. Throws `tool_missing`. */
export function findProgram(tool: string): string {
  for (const folder of (childEnv()["PATH"] ?? "").split(":")) {
    try {
      accessSync(`${folder}/${tool}`, constants.X_OK);
      return `${folder}/${tool}`;
    } catch {
      // not in this folder
    }
  }
  throw fail("tool_missing", { tool, package: packages[tool] ?? tool });
}

/** The error of a program that could not be started. */
export function spawnError(tool: string, cause: unknown): BerthError {
  const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
  if (missing) return fail("tool_missing", { tool, package: packages[tool] ?? tool }, cause);
  return fail("tool_failed", { tool, reason: (cause as Error).message }, cause);
}

/** The last lines a program wrote, short enough for an error message. */
export function lastWords(text: string, lines = 4): string {
  return text.trim().split("\n").slice(-lines).join("\n").slice(-800);
}

const outputLimit = 16 * 1024 * 1024;

export const run: Run = async (tool, args, options = {}) => {
  const result = await execa(tool, args, {
    cwd: options.cwd ?? "/", env: childEnv(options.env), extendEnv: false, reject: false, stripFinalNewline: false, maxBuffer: outputLimit,
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    ...(options.signal ? { cancelSignal: options.signal } : {}),
    ...(options.timeout ? { timeout: options.timeout, killSignal: "SIGKILL" as const } : {}),
  });
  const { stdout, stderr } = result;
  if (!result.failed || options.alsoGood?.includes(result.exitCode ?? -1)) return { stdout, stderr };
  if (options.signal?.aborted) throw options.signal.reason;
  if (result.exitCode === undefined && !result.isTerminated) throw spawnError(tool, result.cause ?? result);
  const reason = lastWords(stderr || stdout) || (result.isTerminated ? `it was killed by ${result.signal}` : `exit status ${result.exitCode}`);
  throw fail("tool_failed", { tool, reason }, result);
};
