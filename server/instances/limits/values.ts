// What the values of the limits.* keys come to, in the units of the kernel.
import { parseSize } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";

/** Bytes of a `limits.memory` value; a percentage is of the machine's memory. */
export function memoryBytes(value: string, total: number): number {
  return value.endsWith("%") ? Math.floor((total * Number.parseInt(value, 10)) / 100) : (parseSize(value) ?? 0);
}

export interface CpuTime {
  /** Weight under load, where `whole` stands for a share of 100 %. */
  weight: number;
  /** Microseconds per period; undefined without a hard limit. */
  quota: number | undefined;
  period: number;
}

/** A share and a priority make the weight: each step of priority below 10 takes one off, so it decides among equal shares. */
export function cpuTime({ "limits.cpu.allowance": allowance = "100%", "limits.cpu.priority": priority = "10" }: Config, whole: number, least: number): CpuTime {
  const slice = /^(\d+)ms\/(\d+)ms$/.exec(allowance);
  const share = slice ? whole : Math.floor((whole * Number.parseInt(allowance, 10)) / 100);
  const weight = Math.max(least, share - (10 - Number(priority)));
  return slice ? { weight, quota: Number(slice[1]) * 1000, period: Number(slice[2]) * 1000 } : { weight, quota: undefined, period: 100_000 };
}

/** A disk weight of a priority of 0 to 10. */
export function diskWeight(priority: string): number {
  return Math.max(10, Number(priority) * 100);
}

/** Bytes as a person reads them. */
export function formatBytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 30 ? 1 : 0)} MiB`;
}
