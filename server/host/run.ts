// The one door to other programs. No shell: arguments go to the program as they are.
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { BerthError, fail } from "../api/errors.ts";

export interface RunOptions {
  /** Text for standard input; nothing when absent. */
  input?: string;
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  /** Milliseconds; the program is killed after it. None when absent. */
  timeout?: number;
}

export interface RunResult {
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. Throws `tool_missing` or `tool_failed`, which carries its last words. */
export type Run = (tool: string, args: readonly string[], options?: RunOptions) => Promise<RunResult>;

/** Which Debian package brings a program, for the hint when it is missing. */
const packages: Readonly<Record<string, string>> = {
  "lxc-start": "lxc", "lxc-attach": "lxc", dnsmasq: "dnsmasq-base", nft: "nftables", ip: "iproute2", tar: "tar",
  xz: "xz-utils", zstd: "zstd", gzip: "gzip", bzip2: "bzip2", unsquashfs: "squashfs-tools", mksquashfs: "squashfs-tools",
  mount: "mount", losetup: "mount", unshare: "util-linux", cp: "coreutils", setpriv: "util-linux", nsenter: "util-linux", lxcfs: "lxcfs",
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

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= outputLimit) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

function feed(child: ChildProcess, input: string | undefined): void {
  child.stdin?.on("error", () => {}); // it may end without reading; its exit status tells
  child.stdin?.end(input ?? "");
}

export const run: Run = (tool, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(tool, args, {
      cwd: options.cwd ?? "/",
      env: childEnv(options.env),
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.timeout ? { timeout: options.timeout, killSignal: "SIGKILL" as const } : {}),
    });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.once("error", (cause) => reject(options.signal?.aborted ? options.signal.reason : spawnError(tool, cause)));
    child.once("close", (code, killedBy) => {
      if (code === 0) return resolve({ stdout: stdout(), stderr: stderr() });
      const words = lastWords(stderr() || stdout());
      const reason = words || (killedBy ? `it was killed by ${killedBy}` : `exit status ${code}`);
      reject(fail("tool_failed", { tool, reason }, new Error(`${tool} ${args.join(" ")}: ${code ?? killedBy}`)));
    });
    if (options.input !== undefined) feed(child, options.input);
  });
