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

/** System name and pid of all that bear a monitor's title. Two may bear the same for a moment: the one with an init is the monitor. */
function findMonitors(lxcPath: string): [name: string, pid: number][] {
  const prefix = `[lxc monitor] ${lxcPath} `;
  return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).flatMap((entry): [string, number][] => {
    const title = read(`/proc/${entry}/cmdline`)?.replace(/\0.*/s, "");
    return title?.startsWith(prefix) ? [[title.slice(prefix.length), Number(entry)]] : [];
  });
}

/** System name → processes, of all containers of this lxcpath that run on the machine. */
export function findContainers(lxcPath: string): Map<string, ContainerProcesses> {
  const found = new Map<string, ContainerProcesses>();
  for (const [name, monitor] of findMonitors(lxcPath)) {
    const init = findInit(monitor);
    if (init !== undefined) found.set(name, { monitor, init });
  }
  return found;
}

/** Whether a container of this lxcpath is just coming, going or rebooting. */
export function areSomeUnsettled(lxcPath: string): boolean {
  if (findStarters(lxcPath).length > 0) return true;
  const monitors = findMonitors(lxcPath);
  const settled = new Set(monitors.filter(([, pid]) => findInit(pid) !== undefined).map(([name]) => name));
  return monitors.some(([name]) => !settled.has(name));
}

/** Pids of `lxc-start` programs of this lxcpath that are still at work. */
function findStarters(lxcPath: string): number[] {
  return readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    const words = read(`/proc/${entry}/cmdline`)?.split("\0") ?? [];
    return words[0] === "lxc-start" && words.includes(lxcPath);
  }).map(Number);
}
