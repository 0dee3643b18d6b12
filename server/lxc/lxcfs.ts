// lxcfs shows a guest its own memory, processors and uptime in /proc. One of the system's is used; where
// none runs, the daemon starts one of its own, and ends it when no container needs it any more.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isMountPoint } from "../host/mounts.ts";
import { childEnv } from "../host/run.ts";
import { log } from "../log.ts";
import type { BindMount } from "./render-config.ts";

const systemMount = "/var/lib/lxcfs";

/** The mount point of a running lxcfs; undefined when there is none. */
export function findLxcfs(own: string): string | undefined {
  return [systemMount, own].find((folder) => isMountPoint(folder) && alive(folder));
}

function alive(folder: string): boolean {
  try {
    return readdirSync(`${folder}/proc`).length > 0;
  } catch {
    return false;
  }
}

/** Starts an lxcfs at `own` unless one runs. Its absence is a warning, no error. */
export async function ensureLxcfs(own: string): Promise<void> {
  if (findLxcfs(own)) return;
  mkdirSync(own, { recursive: true, mode: 0o711 });
  const child = spawn("lxcfs", ["-p", `${own}.pid`, own], { stdio: "ignore", env: childEnv(), detached: true });
  const failed = await new Promise<boolean>((resolve) => {
    child.once("error", () => resolve(true));
    child.once("exit", () => resolve(true));
    void waitFor(() => findLxcfs(own) !== undefined).then((up) => resolve(!up));
  });
  child.unref();
  if (failed) log.warn("lxcfs does not run: guests see the host's memory and processors (apt install lxcfs)");
  else log.info("started lxcfs", { folder: own, pid: (child as ChildProcess).pid });
}

async function waitFor(condition: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if (condition()) return true;
    await sleep(10);
  }
  return false;
}

/** Ends the lxcfs that a daemon started for this folder, if there is one. */
export function stopOwnLxcfs(own: string): void {
  const file = `${own}.pid`;
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, "utf8"));
  try {
    if (pid > 1 && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(own)) process.kill(pid, "SIGTERM");
  } catch {
    // it has ended
  }
  rmSync(file, { force: true });
}

/** The mounts that put lxcfs's files over those of /proc and /sys. */
export function lxcfsMounts(folder: string | undefined): BindMount[] {
  if (!folder) return [];
  const mounts = readdirSync(`${folder}/proc`).map((file) => ({
    source: `${folder}/proc/${file}`, target: `proc/${file}`, options: "none bind,optional",
  }));
  const online = "sys/devices/system/cpu/online";
  if (existsSync(`${folder}/${online}`)) mounts.push({ source: `${folder}/${online}`, target: online, options: "none bind,optional" });
  return mounts;
}
