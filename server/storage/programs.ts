// Programs that read or write files of pools. They end with the daemon, or when they are told to.
import { type ChildProcess, spawn } from "node:child_process";
import type { Stream } from "node:stream";
import { fail } from "../api/errors.ts";
import type { Room } from "../host/room.ts";
import { childEnv, lastWords, spawnError } from "../host/run.ts";
import { type IdMap, userNamespace } from "../host/user-namespace.ts";
import { isPrivileged } from "../lxc/idmap.ts";
import type { Lent } from "./driver.ts";

/** What is handed to a program: a descriptor, a stream that has one, or how one is made. */
export type Handed = "ignore" | "pipe" | number | Stream;

/** Ends with the daemon. */
const mortal = ["setpriv", "--pdeathsig=KILL", "--"];

/** What it takes to write files of any owner and kind; trusted attributes it takes more for. */
const writing = ["setpriv", "--pdeathsig=KILL", "--bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+mknod,+setfcap", "--"];

/** A descriptor of the user namespace with a map; undefined when it maps nothing. */
export const namespaceOf = async (map: IdMap): Promise<number | undefined> => (isPrivileged(map) ? undefined : userNamespace(map));

/** Starts a program of the root of a user namespace, or of root, in a folder, whatever lies above it. */
export function startIn(cwd: string, namespace: number | undefined, command: readonly string[], stdio: readonly Handed[]): ChildProcess {
  const enter = namespace === undefined ? [] : ["nsenter", `--user=/proc/self/fd/${stdio.length}`, "--setuid", "0", "--setgid", "0"];
  const [tool = "", ...args] = [...enter, ...mortal, ...command];
  return spawn(tool, args, { cwd, stdio: [...stdio, ...(namespace === undefined ? [] : [namespace])], env: childEnv() });
}

/** Starts a program that has its files handed to it: a compressor, say. */
export function startFilter(command: readonly string[], stdio: readonly Handed[]): ChildProcess {
  return startIn("/", undefined, command, stdio);
}

/** Starts a program that reads what was lent, in its room. */
export function startReader({ room, namespace }: Lent, command: readonly string[], stdio: readonly Handed[]): ChildProcess {
  return startIn(room.root, namespace, command, stdio);
}

/** Starts one that can reach nothing outside, and whose paths begin there. */
export function startLockedReader(lent: Lent, command: readonly string[], stdio: readonly Handed[]): ChildProcess {
  lent.room.showPrograms();
  return startReader(lent, ["chroot", ".", ...command], stdio);
}

/** Starts a program that writes into a room and can reach nothing outside; its paths begin there. */
export function startWriter(room: Room, command: readonly string[], stdio: readonly Handed[]): ChildProcess {
  room.showPrograms();
  return spawn("chroot", [room.root, ...writing, ...command], { cwd: "/", stdio: [...stdio], env: childEnv() });
}

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last of what it wrote to its standard error. */
  words: string;
}

/** How a program ends. Throws when it could not be started, and why it was aborted. */
export function ending(tool: string, child: ChildProcess, signal?: AbortSignal): Promise<Ending> {
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString("utf8")).slice(-4000);
  });
  const abort = () => child.kill("SIGKILL");
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(spawnError(tool, cause)));
    child.once("close", (code, by) => {
      signal?.removeEventListener("abort", abort);
      if (signal?.aborted) reject(signal.reason);
      else resolve({ code, signal: by, words });
    });
  });
}

/** Whether a program's words tell of a full disk. */
export function isDiskFull(words: string): boolean {
  return /No space left|Disk quota exceeded|Wrote only \d+ of/.test(words);
}

/** What a program's failure means. */
export function programError(tool: string, { code, signal, words }: Ending, target: string): Error {
  if (isDiskFull(words)) return fail("disk_full", { path: target });
  return fail("tool_failed", { tool, reason: lastWords(words) || (signal ? `it was killed by ${signal}` : `exit status ${code}`) });
}

/** The root of a user namespace cannot make device nodes, and guests have no use for those on the disk. */
export function lacksDevicesOnly(words: string): boolean {
  return words.trim().split("\n").every((line) => /Cannot mknod: Operation not permitted|due to previous errors/.test(line));
}
