// The cgroups of a container, on the v1, hybrid and v2 layouts: limits, freezer, counters.
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "../host/libc.ts";
import { type CpuTime, type DiskIo, type MemoryStat, parseCpuStat, parseIoStat, parseMemoryStat, parseThrottle, parseUsageAll } from "./cgroup-stat.ts";

export interface CgroupLayout {
  /** v2 alone: its mount point. */
  unified: string | undefined;
  /** v1 controller → mount point of its hierarchy; `` → that of v2 beside them. */
  controllers: Readonly<Record<string, string>>;
}

/** Reads the layout from the text of /proc/self/mounts. */
export function parseLayout(mounts: string): CgroupLayout {
  const controllers: Record<string, string> = {};
  let second: string | undefined;
  for (const line of mounts.split("\n")) {
    const [, target = "", type, options = ""] = line.split(" ");
    if (type === "cgroup2") second ??= target;
    if (type !== "cgroup") continue;
    for (const option of options.split(",")) controllers[option] ??= target;
  }
  const unified = "memory" in controllers || "freezer" in controllers || "pids" in controllers ? undefined : second;
  if (second && !unified) controllers[""] = second;
  return { controllers, unified };
}

let layout: CgroupLayout | undefined;

export function cgroupLayout(): CgroupLayout {
  layout ??= parseLayout(readFileSync("/proc/self/mounts", "utf8"));
  return layout;
}

/** Controller (`` for v2) → folder of the container whose init this is. */
export class ContainerCgroups {
  readonly #folders = new Map<string, string>();
  /** Files of counters; undefined stands for one that is not there. */
  readonly #open = new Map<string, number | undefined>();

  constructor(init: number) {
    const { unified, controllers } = cgroupLayout();
    for (const line of readFileSync(`/proc/${init}/cgroup`, "utf8").trim().split("\n")) {
      const [, names = "", ...rest] = line.split(":");
      const full = rest.join(":");
      const own = /^.*?\/lxc\.payload[^/]*/.exec(full)?.[0] ?? full;
      if (names === "" && unified) this.#folders.set("", unified + own);
      for (const name of names.split(",")) {
        const mountPoint = controllers[name];
        if (mountPoint) this.#folders.set(name, mountPoint + own);
      }
    }
  }

  get isUnified(): boolean {
    return cgroupLayout().unified !== undefined;
  }

  /** The path of a file of a controller; undefined when the container is in none such. */
  file(controller: string, name: string): string | undefined {
    const folder = this.#folders.get(this.isUnified ? "" : controller);
    return folder === undefined ? undefined : `${folder}/${name}`;
  }

  /** The text of a file that stays open for the next time; undefined when there is none. */
  #kept(controller: string, name: string): string | undefined {
    const file = this.file(controller, name);
    if (file === undefined) return undefined;
    let fd = this.#open.get(file);
    if (fd === undefined && !this.#open.has(file)) this.#open.set(file, (fd = openSmall(file)));
    return fd === undefined ? undefined : readOpen(fd);
  }

  /** A counter; undefined when there is none. `max` counts as none. */
  #counter(controller: string, name: string): number | undefined {
    const text = this.#kept(controller, name);
    return text === undefined || !/^\d/.test(text) ? undefined : Number(text.trim());
  }

  /** Closes what is open of it. */
  close(): void {
    for (const fd of this.#open.values()) if (fd !== undefined) closeSync(fd);
    this.#open.clear();
  }

  /** A file's number; undefined when there is none. `max` counts as none. */
  number(controller: string, name: string): number | undefined {
    const text = this.text(controller, name);
    return text === undefined || !/^\d/.test(text) ? undefined : Number(text.trim());
  }

  /** The container has ended, and its cgroups with it. */
  get areGone(): boolean {
    return [...this.#folders.values()].every((folder) => !existsSync(folder));
  }

  has(controller: string, name: string): boolean {
    const file = this.file(controller, name);
    return file !== undefined && existsSync(file);
  }

  /** A file's text; undefined when there is none. */
  text(controller: string, name: string): string | undefined {
    const file = this.file(controller, name);
    return file === undefined ? undefined : readSmall(file);
  }

  /** Throws what the kernel says; nothing is written where there is no such controller. */
  write(controller: string, name: string, value: string): void {
    const file = this.file(controller, name);
    if (file) writeFileSync(file, value, { flag: "r+" });
  }

  /** As `write`, for what v1 refuses while cgroups of the guest's own hold more: these are narrowed first. */
  narrow(controller: string, name: string, value: string): void {
    const file = this.file(controller, name);
    if (file) narrowFile(file, value);
  }

  cpuUsage(): number {
    if (!this.isUnified) return this.#counter("cpuacct", "cpuacct.usage") ?? 0;
    const micros = /^usage_usec (\d+)/m.exec(this.#kept("cpu", "cpu.stat") ?? "")?.[1];
    return Number(micros ?? 0) * 1000;
  }

  memory(): { usage: number; peak: number; swap: number; swapPeak: number } {
    if (this.isUnified) {
      return {
        usage: this.#counter("memory", "memory.current") ?? 0, peak: this.#counter("memory", "memory.peak") ?? 0,
        swap: this.#counter("memory", "memory.swap.current") ?? 0, swapPeak: this.#counter("memory", "memory.swap.peak") ?? 0,
      };
    }
    const usage = this.#counter("memory", "memory.usage_in_bytes") ?? 0;
    const peak = this.#counter("memory", "memory.max_usage_in_bytes") ?? 0;
    const swap = (this.#counter("memory", "memory.memsw.usage_in_bytes") ?? usage) - usage;
    const swapPeak = (this.#counter("memory", "memory.memsw.max_usage_in_bytes") ?? peak) - peak;
    return { usage, peak, swap: Math.max(0, swap), swapPeak: Math.max(0, swapPeak) };
  }

  processes(): number {
    return this.#counter("pids", "pids.current") ?? -1;
  }

  /** What its memory is used for, and what limits it. */
  memoryStat(): MemoryStat & { usage: number | undefined } {
    const stat = parseMemoryStat(this.#kept("memory", "memory.stat") ?? "");
    if (!this.isUnified) return { usage: this.#counter("memory", "memory.usage_in_bytes"), ...stat };
    return {
      ...stat, usage: this.#counter("memory", "memory.current"), swap: this.#counter("memory", "memory.swap.current"), limit: this.#counter("memory", "memory.max"),
    };
  }

  /** Time used on each processor; v2 knows only the sum, as that of processor 0. */
  cpuTimes(): CpuTime[] {
    return this.isUnified ? parseCpuStat(this.#kept("cpu", "cpu.stat") ?? "") : parseUsageAll(this.#kept("cpuacct", "cpuacct.usage_all") ?? "");
  }

  /** What was read and written, by MAJOR:MINOR of the disk. */
  io(): Map<string, DiskIo> {
    if (this.isUnified) return parseIoStat(this.#kept("io", "io.stat") ?? "");
    const bytes = this.#kept("blkio", "blkio.throttle.io_service_bytes_recursive") ?? "";
    return parseThrottle(bytes, this.#kept("blkio", "blkio.throttle.io_serviced_recursive") ?? "");
  }

  /** Opens the files that states are read from: the first time takes the kernel long. */
  openCounters(): void {
    this.cpuUsage();
    this.memory();
    this.processes();
  }

  get isFrozen(): boolean {
    return this.isUnified ? this.text("", "cgroup.freeze")?.trim() === "1" : this.text("freezer", "freezer.state")?.trim() !== "THAWED";
  }

  /** Removes what is left of the folders, when liblxc could not. */
  remove(): void {
    for (const folder of new Set(this.#folders.values())) {
      if (!folder.includes("/lxc.payload")) continue;
      removeFolder(folder);
      removeFolder(folder.replace("/lxc.payload", "/lxc.monitor"));
    }
  }

  /** Freezes or thaws all processes, and resolves once they are. */
  async setFrozen(frozen: boolean): Promise<void> {
    if (this.isUnified) this.write("", "cgroup.freeze", frozen ? "1" : "0");
    else this.write("freezer", "freezer.state", frozen ? "FROZEN" : "THAWED");
    for (let tries = 0; tries < 1000 && this.#settled() !== frozen; tries++) await sleep(tries < 20 ? 1 : 10);
  }

  #settled(): boolean {
    if (this.isUnified) return /^frozen 1$/m.test(this.text("", "cgroup.events") ?? "");
    return this.text("freezer", "freezer.state")?.trim() === "FROZEN";
  }
}

function narrowFile(file: string, value: string): void {
  try {
    writeFileSync(file, value, { flag: "r+" });
  } catch (error) {
    if (!hasCode(error, "EBUSY")) throw error;
    const [folder, name] = [dirname(file), basename(file)];
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) narrowFile(`${folder}/${entry.name}/${name}`, value);
    }
    writeFileSync(file, value, { flag: "r+" });
  }
}

/** Hierarchies in which liblxc makes folders. */
function hierarchies(): string[] {
  const { unified, controllers } = cgroupLayout();
  return [...new Set(unified ? [unified] : Object.values(controllers))];
}

/** Tries, as long as `limit` ms, to remove what `find` finds: a process that ends may be in it for a moment. */
async function removeLeft(find: () => string[], limit: number): Promise<void> {
  for (const until = performance.now() + limit; ; await sleep(20)) {
    const left = find();
    if (left.length === 0 || performance.now() > until) return;
    for (const folder of left) removeFolder(folder);
  }
}

/** Removes the folders of a container that did not come up: liblxc leaves them when its monitor is slow to move out of them. */
export async function removeLeftCgroups(name: string): Promise<void> {
  const folders = hierarchies().flatMap((place) => [`${place}/lxc.payload.${name}`, `${place}/lxc.monitor.${name}`]);
  await removeLeft(() => folders.filter((folder) => existsSync(folder)), 3000);
}

/** Removes the folders of containers of these names, of which only the `running` ones have a use for them; one that holds a process stays. */
export async function sweepCgroups(names: ReadonlySet<string>, running: { has(name: string): boolean }): Promise<void> {
  const isTheirs = (entry: string) => {
    const name = /^lxc\.(?:payload|monitor)\.(.+)$/.exec(entry)?.[1];
    return name !== undefined && !running.has(name) && (names.has(name) || names.has(name.replace(/-\d+$/, ""))); // liblxc counts on when a folder is there
  };
  await removeLeft(() => hierarchies().flatMap((place) => readdirSync(place).filter(isTheirs).map((entry) => `${place}/${entry}`)), 500);
}

/** Cgroups are removed from the innermost; one that holds a process still stays. */
function removeFolder(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeFolder(`${folder}/${entry.name}`);
    }
    rmdirSync(folder);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "EBUSY", "ENODEV")) throw error;
  }
}

const buffer = Buffer.alloc(64 * 1024); // cpuacct.usage_all has a line for each processor

/** The text of a small kernel file; undefined when it is not there. */
function readSmall(file: string): string | undefined {
  const fd = openSmall(file);
  if (fd === undefined) return undefined;
  try {
    return readOpen(fd);
  } finally {
    closeSync(fd);
  }
}

function openSmall(file: string): number | undefined {
  try {
    return openSync(file, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENODEV")) return undefined;
    throw error;
  }
}

function readOpen(fd: number): string | undefined {
  try {
    return buffer.toString("latin1", 0, readSync(fd, buffer, 0, buffer.length, 0));
  } catch (error) {
    if (hasCode(error, "ENODEV", "EOPNOTSUPP")) return undefined;
    throw error;
  }
}
