// Copying files so that they belong to a container's ids: packed by root (or the root of a user namespace with the map they
// have), unpacked by the root of one with the container's map, which writes shifted owners and file capabilities itself.
import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Readable } from "node:stream";
import { fail } from "../../api/errors.ts";
import { exchange } from "../../host/libc.ts";
import { childEnv, lastWords, run, spawnError } from "../../host/run.ts";
import { type IdMap, userNamespace } from "../../host/user-namespace.ts";
import { formatIdMap, isPrivileged, noMap, rootIds } from "../../lxc/idmap.ts";

const preserve = ["--numeric-owner", "--xattrs", "--xattrs-include=user.*", "--xattrs-include=security.capability", "--acls", "--sparse"];

const full = /No space left|Disk quota exceeded|Wrote only \d+ of/;

/** Copies a folder to a new one just as it is, sharing the data where the file system can. */
export async function copyFiles(source: string, target: string): Promise<void> {
  try {
    // When the daemon is killed so is the copier.
    await run("setpriv", ["--pdeathsig=KILL", "--", "cp", "--archive", "--reflink=auto", "--sparse=auto", "--no-target-directory", source, target]);
  } catch (error) {
    if (full.test((error as Error).message)) throw fail("disk_full", { path: target }, error);
    throw error;
  }
}

/** Copies a folder to a new one so that its files belong to the ids of `map`; `from`: the map that the ids on the disk are of. */
export async function copyOwned(source: string, from: IdMap, target: string, map: IdMap): Promise<void> {
  if (formatIdMap(from) === formatIdMap(map)) return copyFiles(source, target);
  mkdirSync(target, { mode: 0o755 });
  await copyShifted(source, target, map, from);
}

/** Copies the files of `source` so that they belong to the ids of `map`. `from`: the map that the ids on the disk are of. */
export async function copyShifted(source: string, target: string, map: IdMap, from: IdMap = noMap): Promise<void> {
  const { uid, gid } = rootIds(map);
  chownSync(target, uid, gid);
  const [reader, writer] = [await namespaceOf(from), await namespaceOf(map)];
  // When the daemon is killed so is the packer, and the unpacker ends for want of input.
  const pack = startIn(reader, source, ["setpriv", "--pdeathsig=KILL", "--", "tar", ...preserve, "--exclude=./dev/*", "--warning=no-file-ignored", "-cf", "-", "."], "ignore", "pipe");
  const unpack = startIn(writer, target, ["tar", ...preserve, "-xpf", "-"], pack.stdout as Readable, "ignore");
  pack.stdout?.destroy(); // the unpacker has it now: when it ends early, so must the packer
  await Promise.all([ended("tar", pack, target), ended("tar", unpack, target)]);
}

const namespaceOf = async (map: IdMap) => (isPrivileged(map) ? undefined : userNamespace(map));

/** A program of the root of a user namespace, or of root, in a folder, whatever lies above it. */
function startIn(namespace: number | undefined, cwd: string, command: readonly string[], input: Readable | "ignore", output: "pipe" | "ignore"): ChildProcess {
  const [tool = "", ...args] = namespace === undefined ? command : ["nsenter", "--user=/proc/self/fd/3", "--setuid", "0", "--setgid", "0", ...command];
  return spawn(tool, args, { cwd, stdio: [input, output, "pipe", ...(namespace === undefined ? [] : [namespace])], env: childEnv() });
}

/** Says which map the files of one certain rootfs belong to: between a shift and its being written down nobody else knows. */
interface Shifted {
  rootfs: string;
  map: IdMap;
}

/** Inode numbers are used again, together with a time of birth they are not. */
function identity(folder: string): string {
  const { ino, birthtimeMs } = statSync(folder);
  return `${ino} ${birthtimeMs}`;
}

/**
 * Gives the files in FOLDER/rootfs, of the ids of `from`, to those of `to`: a copy beside them takes their place at once. When it is
 * interrupted and done again, the note in FOLDER/shifted tells whether that had happened.
 */
export async function shiftCopy(folder: string, from: IdMap, to: IdMap): Promise<void> {
  const [rootfs, beside, note] = [`${folder}/rootfs`, `${folder}/rootfs.shifting`, `${folder}/shifted`];
  const noted = existsSync(note) ? (JSON.parse(readFileSync(note, "utf8")) as Shifted) : undefined;
  const now = noted?.rootfs === identity(rootfs) ? noted.map : from;
  await rm(beside, { recursive: true, force: true });
  if (JSON.stringify(now) === JSON.stringify(to)) return;
  try {
    mkdirSync(beside);
    await copyShifted(rootfs, beside, to, now);
    writeFileSync(`${note}.new`, JSON.stringify({ rootfs: identity(beside), map: to } satisfies Shifted), { flush: true });
    renameSync(`${note}.new`, note);
    exchange(rootfs, beside);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

/** The root of a user namespace cannot make device nodes, and guests have no use for those on the disk. */
function lacksDevicesOnly(words: string): boolean {
  return words.trim().split("\n").every((line) => /Cannot mknod: Operation not permitted|due to previous errors/.test(line));
}

function ended(tool: string, child: ChildProcess, target: string): Promise<void> {
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString("utf8")).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(spawnError(tool, cause)));
    child.once("close", (code, signal) => {
      if (code === 0 || signal === "SIGPIPE" || (code === 2 && lacksDevicesOnly(words))) resolve(); // whoever should have read tells why it did not
      else if (full.test(words)) reject(fail("disk_full", { path: target }));
      else reject(fail("tool_failed", { tool, reason: lastWords(words) || `exit status ${code}` }));
    });
  });
}
