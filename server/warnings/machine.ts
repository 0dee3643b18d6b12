// What of the machine's kernel and configuration is missing: looked at once, when the daemon has started.
import { existsSync, readFileSync } from "node:fs";
import type { Context } from "../context.ts";
import { type CgroupLayout, cgroupLayout } from "../lxc/cgroup.ts";
import { readIdMap } from "../lxc/idmap.ts";
import { findLxcfs } from "../lxc/lxcfs.ts";
import { explain } from "../log.ts";
import type { WarningType } from "./types.ts";

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** v2 shows files of controllers in cgroups below the root only: its own will do. */
function ownFolder(unified: string): string {
  return unified + (/^0::(\/.*)$/m.exec(readText("/proc/self/cgroup"))?.[1] ?? "");
}

/** Whether there is a controller, or a file of one. */
function present({ unified, controllers }: CgroupLayout, controller: string, ...files: readonly string[]): boolean {
  if (unified === undefined) {
    const folder = controllers[controller];
    return folder !== undefined && (files.length === 0 || files.some((file) => existsSync(`${folder}/${file}`)));
  }
  if (controller === "devices" || controller === "freezer") return true; // v2 has both in itself
  const name = controller === "blkio" ? "io" : controller === "cpuacct" ? "cpu" : controller;
  if (!readText(`${unified}/cgroup.controllers`).trim().split(" ").includes(name)) return false;
  return files.length === 0 || files.some((file) => existsSync(`${ownFolder(unified)}/${file}`));
}

function idMapFault(): string | undefined {
  try {
    readIdMap();
    return undefined;
  } catch (error) {
    return explain(error);
  }
}

/** What is the matter, by type; undefined: nothing. */
function inspect(ctx: Context): [WarningType, string | undefined][] {
  const layout = cgroupLayout();
  const unless = (there: boolean, message: string) => (there ? undefined : message);
  return [
    ["cgroup_blkio_missing", unless(present(layout, "blkio"), "disk I/O limits will be ignored")],
    ["cgroup_blkio_weight_missing", unless(present(layout, "blkio", "blkio.weight", "blkio.bfq.weight", "io.weight", "io.bfq.weight"), "disk priority will be ignored")],
    ["cgroup_cpu_missing", unless(present(layout, "cpu"), "CPU time limits will be ignored")],
    ["cgroup_cpuset_missing", unless(present(layout, "cpuset"), "CPU pinning will be ignored")],
    ["cgroup_cpuacct_missing", unless(present(layout, "cpuacct"), "CPU accounting will not be available")],
    ["cgroup_devices_missing", unless(present(layout, "devices"), "device access control won't work")],
    ["cgroup_freezer_missing", unless(present(layout, "freezer"), "pausing/resuming containers won't work")],
    ["cgroup_hugetlb_missing", unless(present(layout, "hugetlb"), "hugepage limits will be ignored")],
    ["cgroup_memory_missing", unless(present(layout, "memory"), "memory limits will be ignored")],
    ["cgroup_pids_missing", unless(present(layout, "pids"), "process limits will be ignored")],
    ["cgroup_swap_missing", unless(present(layout, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max"), "swap limits will be ignored")],
    ["apparmor_missing", unless(readText("/sys/module/apparmor/parameters/enabled").trim() === "Y", "the kernel has none, or it is switched off: containers are confined by the other means")],
    ["idmap_missing", idMapFault()],
    ["lxcfs_missing", unless(findLxcfs(ctx.paths.lxcfs) !== undefined, "guests see the host's memory and processors (apt install lxcfs)")],
  ];
}

/** Raises and resolves, in one write. */
export function warnOfMachine(ctx: Context): void {
  ctx.db.transaction(() => {
    for (const [type, message] of inspect(ctx)) ctx.warnings.set(type, message);
  })();
}
