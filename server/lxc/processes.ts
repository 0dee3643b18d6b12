// The processes behind a container: liblxc's monitor, and the guest's init, which is its child.
import { readdirSync, readFileSync } from "node:fs";
import { hasCode } from "../host/libc.ts";

export interface ContainerProcesses {
  monitor: number;
  init: number;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES")) return undefined;
    throw error;
  }
}

/** Host pid of the init below a monitor: its child in another pid namespace. */
export function findInit(monitor: number): number | undefined {
  const children = read(`/proc/${monitor}/task/${monitor}/children`)?.trim().split(" ") ?? [];
  for (const child of children) {
    const inside = /^NSpid:\s+\d+.*\s(\d+)$/m.exec(read(`/proc/${child}/status`) ?? "");
    if (inside?.[1] === "1") return Number(child);
  }
  return undefined;
}

/** System name → processes, of all containers of this lxcpath that run on the machine. */
export function findContainers(lxcPath: string): Map<string, ContainerProcesses> {
  const found = new Map<string, ContainerProcesses>();
  const prefix = `[lxc monitor] ${lxcPath} `;
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const title = read(`/proc/${entry}/cmdline`)?.replace(/\0.*/s, "");
    if (!title?.startsWith(prefix)) continue;
    const monitor = Number(entry);
    const init = findInit(monitor);
    // Two may bear the title for a moment: the one that has an init is the monitor.
    if (init !== undefined) found.set(title.slice(prefix.length), { monitor, init });
  }
  return found;
}

/** Pids of `lxc-start` programs of this lxcpath that are still at work. */
export function findStarters(lxcPath: string): number[] {
  return readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    const words = read(`/proc/${entry}/cmdline`)?.split("\0") ?? [];
    return words[0] === "lxc-start" && words.includes(lxcPath);
  }).map(Number);
}
