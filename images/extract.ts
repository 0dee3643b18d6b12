// Unpacks one archive with the system's fastest tools, as root with only the capabilities that takes:
// without CAP_SYS_ADMIN no trusted.* attribute gets onto the disk, whatever the archive holds.
import { type ChildProcess, spawn } from "node:child_process";
import { fail, type BerthError } from "../server/api/errors.ts";
import { childEnv, spawnError } from "../server/host/run.ts";
import { inUserNamespace } from "../server/host/user-namespace.ts";
import { decompressor, type ImageFormat } from "./compression.ts";
import { type Limits, mostUnpacked } from "./limits.ts";
import { watchReader, watchWriter } from "./watch.ts";

export interface ExtractOptions {
  /** Top-level folder or file to leave out. */
  exclude?: string;
  signal?: AbortSignal | undefined;
  /** Hears how many bytes more of the archive have been read, as far as that shows. */
  heard?: ((bytes: number) => void) | undefined;
  /** Others than those of all images. */
  limits?: Limits;
}

const wordsLimit = 64 * 1024;
const capabilities = "-all,+chown,+dac_override,+fowner,+fsetid,+mknod,+setfcap";

/** GNU tar refuses ".." members, strips leading "/", and makes outward symlinks only after all other members. */
function tarCommand(file: string, format: ImageFormat, target: string, exclude?: string): string[] {
  const decompress = decompressor(format);
  return [
    "tar", "-x", "-f", file, "--force-local", "-C", target,
    ...(decompress ? ["-I", decompress.join(" ")] : []), // a real pipe, and tar checks the exit status
    "-p", "--numeric-owner", process.getuid?.() === 0 ? "--same-owner" : "--no-same-owner",
    "--acls", "--xattrs", "--xattrs-include=user.*", "--xattrs-include=security.capability",
    "--warning=no-timestamp", "--warning=no-unknown-keyword",
    ...(exclude ? ["--anchored", `--exclude=${exclude}`, `--exclude=./${exclude}`] : []),
  ];
}

/** Goes on after errors, so that attributes the kernel refuses do not end it; `isGood` judges what it said. */
function unsquashCommand(file: string, target: string, exclude?: string): string[] {
  return ["unsquashfs", "-f", "-n", "-ignore-errors", "-d", target, ...(exclude ? ["-excludes", file, exclude] : [file])];
}

/** Ends the tool and the decompressor it started. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid) process.kill(-child.pid, "SIGKILL");
  } catch {
    // it has just ended
  }
}

interface Ending {
  code: number | null;
  /** The first lines of standard error: the first one names the culprit. */
  words: string;
}

interface Work extends Pick<ExtractOptions, "signal" | "heard"> {
  file: string;
  target: string;
  /** Bytes. */
  most: number;
}

/** Runs a tool that does not outlive the daemon: the next one clears away what it was making. */
function runToEnd(command: readonly string[], { file, target, most, signal, heard }: Work): Promise<Ending> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const [tool = "", ...args] = process.getuid?.() === 0 ? ["setpriv", "--pdeathsig=KILL", `--bounding-set=${capabilities}`, "--", ...command] : command;
    const child = spawn(tool, args, { cwd: "/", env: childEnv(), stdio: ["ignore", "ignore", "pipe"], detached: true });
    let words = "";
    child.stderr?.on("data", (chunk: Buffer) => { if (words.length < wordsLimit) words += chunk.toString(); });
    const abort = () => killGroup(child);
    signal?.addEventListener("abort", abort, { once: true });
    let excess: Error | undefined;
    const endings = [
      watchWriter(child.pid ?? 0, target, most, (reason) => {
        excess = reason;
        killGroup(child);
      }),
      ...(heard ? [watchReader(child.pid ?? 0, file, heard)] : []),
    ];
    const endWatch = () => {
      for (const end of endings) end();
    };
    child.once("error", (cause) => {
      endWatch();
      reject(spawnError(tool, cause));
    });
    child.once("close", (code) => {
      endWatch();
      signal?.removeEventListener("abort", abort);
      if (signal?.aborted) reject(signal.reason);
      else if (excess) reject(excess);
      else resolve({ code, words });
    });
  });
}

const remarks = /Removing leading|in the future|Ignoring unknown|due to previous errors|not recoverable/;
const refusedAttribute = /write_xattr: (could not|failed to) write xattr (trusted|security|system)\.|unsquashfs does not support|^\s*$/;

function explainEnding(tool: string, { code, words }: Ending, target: string): BerthError {
  if (/No space left on device|Disk quota exceeded|Wrote only \d+ of/.test(words)) return fail("disk_full", { path: target });
  if (code === 127) return spawnError(tool, Object.assign(new Error(words), { code: "ENOENT" }));
  const lines = words.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !remarks.test(line));
  const reason = lines.slice(0, 3).join("; ").slice(0, 600) || `${tool} ended with ${code ?? "a signal"}`;
  if (/Read-only file system|Input\/output error|Cannot allocate memory|setpriv:/.test(words)) return fail("tool_failed", { tool, reason });
  return fail("image_broken", { reason: `it cannot be unpacked: ${reason}` });
}

/** In a container nobody can make device nodes; guests get theirs from liblxc. */
const refusedDevice = /Cannot mknod: Operation not permitted|due to previous errors|(could not|failed to) create (character|block) device .*(not permitted|not superuser)|^\s*$/;

/** The tools end with 2 also when they could not set an attribute that is not wanted anyway, or make a device node. */
function isGood(tool: string, { code, words }: Ending): boolean {
  if (code !== 2) return code === 0;
  const canSpare = (line: string) => (tool === "unsquashfs" && refusedAttribute.test(line)) || (inUserNamespace() && refusedDevice.test(line));
  return words.split("\n").every(canSpare);
}

/**
 * Unpacks an archive into an existing directory: numeric owners, permissions, ACLs, user.* attributes, file
 * capabilities, device nodes; nothing lands outside. Aborting kills the tools and throws the signal's reason.
 * Throws `image_broken` naming the member, `image_too_large`, `disk_full`, `tool_missing`, `tool_failed`.
 */
export async function extractArchive(file: string, format: ImageFormat, target: string, options: ExtractOptions = {}): Promise<void> {
  const command = format === "squashfs"
    ? unsquashCommand(file, target, options.exclude)
    : tarCommand(file, format, target, options.exclude);
  const tool = command[0] ?? "";
  const { signal, heard } = options;
  const ending = await runToEnd(command, { file, target, most: await mostUnpacked(file, options.limits), signal, heard });
  if (!isGood(tool, ending)) throw explainEnding(tool, ending, target);
}
