// Watches a tool that unpacks what may be anything: how much it has written, what is left on the disk, and how far it has come.
import { readdirSync, readFileSync, readlinkSync, statfsSync } from "node:fs";
import { fail } from "../server/api/errors.ts";
import { tooLarge } from "./limits.ts";

const every = 100;
/** What stays free on a disk: so much, or a fiftieth of it if that is less. */
const reserve = 512 * 2 ** 20;

/** Bytes that a process has written; 0 once it is gone. */
function writtenBy(pid: number): number {
  try {
    return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function isNearlyFull(folder: string): boolean {
  const { bavail, blocks, bsize, files, ffree } = statfsSync(folder);
  return bavail * bsize < Math.min(reserve, (blocks * bsize) / 50) || (files > 0 && ffree < files / 50);
}

/** Calls `stop` with the reason when a process has written more than `most` bytes, or has nearly filled the disk of `folder`. The result ends it. */
export function watchWriter(pid: number, folder: string, most: number, stop: (reason: Error) => void): () => void {
  const timer = setInterval(() => {
    if (writtenBy(pid) > most) stop(tooLarge("what it holds", most));
    else if (isNearlyFull(folder)) stop(fail("disk_full", { path: folder }));
  }, every);
  return () => clearInterval(timer);
}

/** How far a process, or one that it has started, has read a file; 0 when that cannot be told. */
function positionIn(file: string, pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    for (const process of [pid, ...children]) {
      const fd = readdirSync(`/proc/${process}/fd`).find((one) => readlinkSync(`/proc/${process}/fd/${one}`) === file);
      if (fd !== undefined) return Number(/^pos:\s+(\d+)$/m.exec(readFileSync(`/proc/${process}/fdinfo/${fd}`, "utf8"))?.[1] ?? 0);
    }
  } catch {
    // it has just ended, or closed one of its files
  }
  return 0;
}

/** Tells now and then how many bytes more of a file a tool has read. The result ends it. */
export function watchReader(pid: number, file: string, heard: (bytes: number) => void): () => void {
  let had = 0;
  const timer = setInterval(() => {
    const position = positionIn(file, pid);
    if (position > had) heard(position - had);
    had = Math.max(had, position);
  }, 2 * every);
  return () => clearInterval(timer);
}
