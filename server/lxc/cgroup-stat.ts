// The texts of cgroup files with many numbers, of v1 and v2.

/** In bytes. Undefined: the kernel does not tell. */
export interface MemoryStat {
  activeAnon?: number | undefined;
  activeFile?: number | undefined;
  inactiveAnon?: number | undefined;
  inactiveFile?: number | undefined;
  unevictable?: number | undefined;
  writeback?: number | undefined;
  dirty?: number | undefined;
  mapped?: number | undefined;
  rss?: number | undefined;
  shmem?: number | undefined;
  cache?: number | undefined;
  /** In v1 alone. */
  swap?: number | undefined;
  /** What it may use, by itself and by what is above it; in v1 alone. */
  limit?: number | undefined;
}

export interface CpuTime {
  processor: string;
  /** Nanoseconds. */
  user: number;
  system: number;
}

export interface DiskIo {
  readBytes: number;
  writtenBytes: number;
  reads: number;
  writes: number;
}

/** Names in v1, of a cgroup with those below it, and in v2. */
const memoryNames: Readonly<Record<string, keyof MemoryStat>> = {
  total_active_anon: "activeAnon", total_active_file: "activeFile", total_inactive_anon: "inactiveAnon", total_inactive_file: "inactiveFile",
  total_unevictable: "unevictable", total_writeback: "writeback", total_dirty: "dirty", total_mapped_file: "mapped", total_rss: "rss",
  total_shmem: "shmem", total_cache: "cache", total_swap: "swap", hierarchical_memory_limit: "limit",
  active_anon: "activeAnon", active_file: "activeFile", inactive_anon: "inactiveAnon", inactive_file: "inactiveFile", unevictable: "unevictable",
  file_writeback: "writeback", file_dirty: "dirty", file_mapped: "mapped", anon: "rss", shmem: "shmem", file: "cache",
};

/** memory.stat. In v1 the lines of the cgroup alone come before those of the whole tree, which count. */
export function parseMemoryStat(text: string): MemoryStat {
  const stat: MemoryStat = {};
  const whole = text.indexOf("hierarchical_memory_limit ");
  for (const line of (whole < 0 ? text : text.slice(whole)).split("\n")) {
    const at = line.indexOf(" ");
    const name = memoryNames[line.slice(0, at)];
    if (name) stat[name] = Number(line.slice(at + 1));
  }
  return stat;
}

/** cpuacct.usage_all of v1. */
export function parseUsageAll(text: string): CpuTime[] {
  return text.trim().split("\n").slice(1).map((line) => {
    const [processor = "", user, system] = line.split(" ");
    return { processor, user: Number(user), system: Number(system) };
  });
}

/** cpu.stat of v2. */
export function parseCpuStat(text: string): CpuTime[] {
  const micros = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  return text === "" ? [] : [{ processor: "0", user: micros("user_usec") * 1000, system: micros("system_usec") * 1000 }];
}

const noIo = (): DiskIo => ({ readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 });

/** blkio.throttle.io_service_bytes_recursive and io_serviced_recursive of v1. */
export function parseThrottle(bytes: string, operations: string): Map<string, DiskIo> {
  const disks = new Map<string, DiskIo>();
  const take = (text: string, read: keyof DiskIo, write: keyof DiskIo) => {
    for (const [, device = "", kind = "", value] of text.matchAll(/^(\S+) (Read|Write) (\d+)$/gm)) {
      const disk = disks.get(device) ?? noIo();
      disks.set(device, disk);
      disk[kind === "Read" ? read : write] = Number(value);
    }
  };
  take(bytes, "readBytes", "writtenBytes");
  take(operations, "reads", "writes");
  return disks;
}

const ioNames: Readonly<Record<string, keyof DiskIo>> = { rbytes: "readBytes", wbytes: "writtenBytes", rios: "reads", wios: "writes" };

/** io.stat of v2. */
export function parseIoStat(text: string): Map<string, DiskIo> {
  const disks = new Map<string, DiskIo>();
  for (const line of text.split("\n").filter(Boolean)) {
    const [device = "", ...fields] = line.split(" ");
    const disk = noIo();
    for (const field of fields) {
      const [key = "", value] = field.split("=");
      const name = ioNames[key];
      if (name) disk[name] = Number(value);
    }
    disks.set(device, disk);
  }
  return disks;
}
