// The layout of cgroups: where guests have theirs, and what a daemon under test sees.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import type { Daemon } from "./daemon.ts";

/** The machine's cgroups go, and cgroup v2 alone comes in their place; only the daemon's namespace sees it. */
export async function unifyCgroups(daemon: Daemon): Promise<void> {
  const { code, stderr } = await daemon.inNamespace("sh", "-c", "while umount -R -l /sys; do :; done 2> /dev/null; mount -t sysfs sysfs /sys && mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  assert.equal(code, 0, stderr);
}

/** Whether the machine's controllers are those of cgroup v1. */
export const isV1 = existsSync("/sys/fs/cgroup/memory/memory.stat");

/** Where guests have their cgroups of a controller: liblxc puts them beside the process 1. */
export function cgroupRoot(controller: string): string {
  if (!isV1) return "/sys/fs/cgroup";
  const init = readFileSync("/proc/1/cgroup", "utf8").split("\n").map((line) => line.split(":"));
  const [, , path = "/"] = init.find(([, controllers]) => controllers?.split(",").includes(controller)) ?? [];
  return `/sys/fs/cgroup/${controller}${path === "/" ? "" : path}`;
}

/** The folder of a guest's cgroup. */
export const cgroupOf = (name: string, controller: string): string => `${cgroupRoot(controller)}/lxc.payload.${name}`;
