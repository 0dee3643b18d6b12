// Which cgroup files a configuration's limits stand in, on v1 and v2, with what they hold when nothing is set: the one
// table that both starts and changes of running guests work from.
import { isTrue } from "../../api/config-keys/key.ts";
import type { Config } from "../../api/schemas.ts";
import { cpuTime, diskWeight, memoryBytes } from "./values.ts";

export interface CgroupSetting {
  /** The configuration key it comes from. */
  key: string;
  controller: string;
  file: string;
  value: string;
  /** What the kernel has there by itself. */
  unset: string;
  /** Kernels do without it; the limit then holds less well, or not. */
  optional?: true;
}

/** Where the settings will stand. */
export interface CgroupWorld {
  unified: boolean;
  /** Bytes of memory of the machine. */
  memory: number;
}

/** All settings, also those that are as the kernel has them. Processors are dealt out by the balancer. */
export function cgroupSettings(config: Config, world: CgroupWorld): CgroupSetting[] {
  const { unified } = world;
  return [
    ...(unified ? memoryV2(config, world.memory) : memoryV1(config, world.memory)),
    { key: "limits.processes", controller: "pids", file: "pids.max", value: config["limits.processes"] ?? "max", unset: "max" },
    ...(unified ? cpuV2(config) : cpuV1(config)),
    ...disk(config, unified),
    ...hugePages(config, unified),
  ];
}

/** How much, and whether that is a hard limit. */
function memoryLimit({ "limits.memory": memory, "limits.memory.enforce": enforce }: Config, total: number) {
  const bytes = memory === undefined ? undefined : memoryBytes(memory, total);
  return enforce === "soft" ? { hard: undefined, soft: bytes } : { hard: bytes, soft: undefined };
}

const mayNotSwap = ({ "limits.memory.swap": swap }: Config) => swap !== undefined && !isTrue(swap);

function memoryV1(config: Config, total: number): CgroupSetting[] {
  const { hard, soft } = memoryLimit(config, total);
  const setting = (file: string, value: number | undefined): CgroupSetting =>
    ({ key: "limits.memory", controller: "memory", file, value: String(value ?? -1), unset: "-1" });
  // What may be swapped out is as much again. Under pressure a guest is brought to nine tenths of its limit first.
  const withSwap = hard === undefined ? undefined : mayNotSwap(config) ? hard : 2 * hard;
  const gentle = soft ?? (hard === undefined ? undefined : Math.floor(hard * 0.9));
  const swappiness = mayNotSwap(config) ? 0 : 70 - Number(config["limits.memory.swap.priority"] ?? 10);
  return [
    setting("memory.limit_in_bytes", hard),
    { ...setting("memory.memsw.limit_in_bytes", withSwap), optional: true },
    { ...setting("memory.soft_limit_in_bytes", gentle), ...(soft === undefined ? { optional: true } : {}) },
    { key: "limits.memory.swap", controller: "memory", file: "memory.swappiness", value: String(swappiness), unset: "60", optional: true },
  ];
}

function memoryV2(config: Config, total: number): CgroupSetting[] {
  const { hard, soft } = memoryLimit(config, total);
  const setting = (file: string, value: number | undefined): CgroupSetting =>
    ({ key: "limits.memory", controller: "memory", file, value: String(value ?? "max"), unset: "max" });
  return [
    setting("memory.max", hard),
    setting("memory.high", soft),
    { ...setting("memory.swap.max", mayNotSwap(config) ? 0 : hard), optional: true },
  ];
}

const cpuKey = (config: Config) => (config["limits.cpu.allowance"] ? "limits.cpu.allowance" : "limits.cpu.priority");

function cpuV1(config: Config): CgroupSetting[] {
  const { weight, quota, period } = cpuTime(config, 1024, 2);
  const setting = (file: string, value: number, unset: string): CgroupSetting => ({ key: cpuKey(config), controller: "cpu", file, value: String(value), unset });
  return [setting("cpu.shares", weight, "1024"), setting("cpu.cfs_period_us", period, "100000"), setting("cpu.cfs_quota_us", quota ?? -1, "-1")];
}

function cpuV2(config: Config): CgroupSetting[] {
  const { weight, quota, period } = cpuTime(config, 100, 1);
  const setting = (file: string, value: string, unset: string): CgroupSetting => ({ key: cpuKey(config), controller: "cpu", file, value, unset });
  return [setting("cpu.weight", String(weight), "100"), setting("cpu.max", `${quota ?? "max"} ${period}`, "max 100000")];
}

/** The weights of the schedulers that know one: which of them there are depends on the kernel. */
function disk({ "limits.disk.priority": priority }: Config, unified: boolean): CgroupSetting[] {
  const value = priority === undefined ? "100" : String(diskWeight(priority));
  const files = unified ? ["io.weight", "io.bfq.weight"] : ["blkio.weight", "blkio.bfq.weight"];
  return files.map((file) => ({ key: "limits.disk.priority", controller: unified ? "io" : "blkio", file, value, unset: "100", optional: true }));
}

const pageSizes = ["64KB", "1MB", "2MB", "1GB"];

function hugePages(config: Config, unified: boolean): CgroupSetting[] {
  const file = (size: string, reserved: string) => `hugetlb.${size}.${reserved}${unified ? "max" : "limit_in_bytes"}`;
  const unset = unified ? "max" : "-1";
  return pageSizes.flatMap((size): CgroupSetting[] => {
    const limit = config[`limits.hugepages.${size}`];
    const setting = { key: `limits.hugepages.${size}`, controller: "hugetlb", value: limit === undefined ? unset : String(memoryBytes(limit, 0)), unset };
    // With a limit on reservations mmap fails; with the other alone a guest that touches what it was promised is killed.
    return [{ ...setting, file: file(size, "") }, { ...setting, file: file(size, "rsvd."), optional: true }];
  });
}
