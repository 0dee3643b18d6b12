// Limits as lines of cgroup configuration, on v1 and v2.
import { availableParallelism, totalmem } from "node:os";
import { parseSize } from "../api/config-keys/key.ts";
import type { Config } from "../api/schemas.ts";

type Line = readonly [key: string, value: string];

/** Bytes of a `limits.memory` value; a percentage is of the machine's memory. */
export function memoryBytes(value: string, total: number): number {
  return value.endsWith("%") ? Math.floor((total * Number.parseInt(value, 10)) / 100) : (parseSize(value) ?? 0);
}

/** Which processors: a set as given, or `count` of them from `first` on. */
export function processorSet(value: string, processors: number, first: number): string {
  if (!/^\d+$/.test(value)) return value;
  const count = Math.min(Number(value), processors);
  return Array.from({ length: count }, (_, i) => (first + i) % processors).sort((a, b) => a - b).join(",");
}

/** The lines for an instance's limits. `seed` spreads instances over the processors. */
export function limitLines(config: Config, unified: boolean, seed: number): Line[] {
  const lines: Line[] = [];
  const key = (v1: string, v2: string) => (unified ? `lxc.cgroup2.${v2}` : `lxc.cgroup.${v1}`);
  const { "limits.memory": memory, "limits.processes": processes, "limits.cpu": cpu, "limits.cpu.allowance": allowance } = config;
  if (memory) {
    lines.push([key("memory.limit_in_bytes", "memory.max"), String(memoryBytes(memory, totalmem()))]);
    if (unified) lines.push(["lxc.cgroup2.memory.swap.max", "0"]);
  }
  if (processes) lines.push([key("pids.max", "pids.max"), processes]);
  if (cpu) lines.push([key("cpuset.cpus", "cpuset.cpus"), processorSet(cpu, availableParallelism(), seed)]);
  if (allowance) lines.push(...allowanceLines(allowance, unified));
  return lines;
}

function allowanceLines(value: string, unified: boolean): Line[] {
  const slice = /^(\d+)ms\/(\d+)ms$/.exec(value);
  if (!slice) {
    const percent = Number.parseInt(value, 10);
    return unified ? [["lxc.cgroup2.cpu.weight", String(Math.max(1, percent))]] : [["lxc.cgroup.cpu.shares", String(Math.max(2, Math.floor((1024 * percent) / 100)))]];
  }
  const [quota, period] = [Number(slice[1]) * 1000, Number(slice[2]) * 1000];
  if (unified) return [["lxc.cgroup2.cpu.max", `${quota} ${period}`]];
  return [["lxc.cgroup.cpu.cfs_period_us", String(period)], ["lxc.cgroup.cpu.cfs_quota_us", String(quota)]];
}
