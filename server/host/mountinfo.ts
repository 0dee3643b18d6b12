// The mounts that a process sees, from /proc/PID/mountinfo.
import { readFileSync } from "node:fs";

export interface Mount {
  id: number;
  parent: number;
  /** Of its file system: MAJOR:MINOR. */
  device: string;
  /** What of the file system is mounted. */
  root: string;
  /** Where. */
  point: string;
  type: string;
  source: string;
}

const decode = (text: string) => text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** The mounts in the text of a mountinfo file, in the order they were made. */
export function parseMounts(text: string): Mount[] {
  return text.split("\n").filter(Boolean).map((line) => {
    const [id, parent, device = "", root = "", point = "", ...rest] = line.split(" ");
    const [type = "", source = ""] = rest.slice(rest.indexOf("-") + 1);
    return { id: Number(id), parent: Number(parent), device, root: decode(root), point: decode(point), type, source: decode(source) };
  });
}

/** The mounts of a process's namespace. */
export function readMounts(pid: number | "self" = "self"): Mount[] {
  return parseMounts(readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
}

const below = (path: string, folder: string) => folder === "/" || path === folder || path.startsWith(`${folder}/`);

/** The mount that an absolute path without links lies in. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  return mounts.filter(({ point }) => below(path, point)).reduce<Mount | undefined>((best, one) => (best && best.point.length > one.point.length ? best : one), undefined);
}

/** What is mounted at a path or below it, the deepest and latest first. */
export function mountsBelow(path: string, mounts: readonly Mount[]): Mount[] {
  return mounts.filter(({ point }) => below(point, path)).reverse();
}
