// Copying files so that they belong to a container's ids: packed by root (or the root of a user namespace with the map they
// have), unpacked by the root of one with the container's map, which writes shifted owners and file capabilities itself.
import type { ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Readable } from "node:stream";
import { fail } from "../../api/errors.ts";
import { exchange } from "../../host/libc.ts";
import { run } from "../../host/run.ts";
import type { IdMap } from "../../host/user-namespace.ts";
import { formatIdMap, noMap, rootIds } from "../../lxc/idmap.ts";
import { ending, isDiskFull, lacksDevicesOnly, namespaceOf, programError, startIn } from "../programs.ts";

const preserve = ["--numeric-owner", "--xattrs", "--xattrs-include=user.*", "--xattrs-include=security.capability", "--acls", "--sparse"];

/** Copies a folder to a new one just as it is, sharing the data where the file system can. */
export async function copyFiles(source: string, target: string): Promise<void> {
  try {
    // When the daemon is killed so is the copier.
    await run("setpriv", ["--pdeathsig=KILL", "--", "cp", "--archive", "--reflink=auto", "--sparse=auto", "--no-target-directory", source, target]);
  } catch (error) {
    throw isDiskFull((error as Error).message) ? fail("disk_full", { path: target }, error) : error;
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
  const pack = startIn(source, reader, ["tar", ...preserve, "--exclude=./dev/*", "--warning=no-file-ignored", "-cf", "-", "."], ["ignore", "pipe", "pipe"]);
  const unpack = startIn(target, writer, ["tar", ...preserve, "-xpf", "-"], [pack.stdout as Readable, "ignore", "pipe"]);
  pack.stdout?.destroy(); // the unpacker has it now: when it ends early, so must the packer
  await Promise.all([ended(pack, target), ended(unpack, target)]);
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

async function ended(child: ChildProcess, target: string): Promise<void> {
  const end = await ending("tar", child);
  const good = end.code === 0 || end.signal === "SIGPIPE" || (end.code === 2 && lacksDevicesOnly(end.words)); // whoever should have read tells why it did not
  if (!good) throw programError("tar", end, target);
}
