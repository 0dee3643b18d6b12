// Looking at the machine's processes through /proc.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface ProcessInfo {
  pid: number;
  parent: number;
  command: string;
  /** Identity of its mount namespace; empty when it has just ended. */
  mountNamespace: string;
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** All processes of this machine. */
export function processes(): ProcessInfo[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .map((pid) => ({
      pid,
      parent: Number(/^PPid:\s*(\d+)/m.exec(text(`/proc/${pid}/status`))?.[1] ?? 0),
      command: text(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim(),
      mountNamespace: link(`/proc/${pid}/ns/mnt`),
    }));
}

/** The processes of a mount namespace, and all that descend from them (containers have namespaces of their own). */
export function familyOf(mountNamespace: string): ProcessInfo[] {
  const all = processes();
  const family = all.filter((one) => one.mountNamespace === mountNamespace);
  const seen = new Set(family.map(({ pid }) => pid));
  for (let i = 0; i < family.length; i++) {
    for (const one of all) {
      if (one.parent !== family[i]?.pid || seen.has(one.pid)) continue;
      seen.add(one.pid);
      family.push(one);
    }
  }
  return family;
}

/** Memory of a process in KiB: resident, and with what is shared divided among its users. */
export function memoryOf(pid: number): { rss: number; pss: number } {
  const rollup = text(`/proc/${pid}/smaps_rollup`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(rollup)?.[1] ?? 0);
  return { rss: field("Rss"), pss: field("Pss") };
}

export function isAlive(pid: number): boolean {
  const state = /^State:\s*(\S)/m.exec(text(`/proc/${pid}/status`))?.[1];
  return state !== undefined && state !== "Z";
}

/** Sends a signal to whatever of the processes is still there. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {} // it has ended
  }
}
