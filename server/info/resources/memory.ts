// Memory, and that of each NUMA node.
import type { ResourcesMemory } from "../../api/resources.ts";
import { known, type Sysfs } from "./sysfs.ts";

/** Bytes, or numbers of pages, by name; the lines of a node begin with its name. */
function parseMeminfo(text: string): Record<string, number> {
  return Object.fromEntries([...text.matchAll(/^(?:Node \d+ )?(\w+(?:\(\w+\))?):\s+(\d+)( kB)?$/gm)]
    .map(([, name, value, unit]) => [name, Number(value) * (unit ? 1024 : 1)]));
}

/** What is plugged in, to be counted block by block; meminfo leaves out what the kernel keeps for itself. */
function plugged(sysfs: Sysfs, folder: string, block: number): number | undefined {
  if (block === 0) return undefined;
  const online = sysfs.list(folder).filter((name) => /^memory\d+$/.test(name) && sysfs.text(`${folder}/${name}/online`) === "1");
  return online.length > 0 ? online.length * block : undefined;
}

/** `last`: what was read a moment ago, whose totals still hold. */
export function readMemory(sysfs: Sysfs, last?: ResourcesMemory): ResourcesMemory {
  const info = parseMeminfo(sysfs.text("/proc/meminfo") ?? "");
  const block = sysfs.number("/sys/devices/system/memory/block_size_bytes", 16) ?? 0;
  const page = info["Hugepagesize"] ?? 0;
  const total = last?.total ?? plugged(sysfs, "/sys/devices/system/memory", block) ?? info["MemTotal"] ?? 0;
  const nodes = sysfs.list("/sys/devices/system/node").filter((name) => /^node\d+$/.test(name))
    .flatMap((name, i) => readNode(sysfs, name, page, (folder) => last?.nodes?.[i]?.total ?? plugged(sysfs, folder, block)));
  return {
    ...known({ nodes: nodes.length > 0 ? nodes : undefined }),
    ...hugepages(info, page), hugepages_size: page, total,
    used: total - (info["MemFree"] ?? 0) - (info["Cached"] ?? 0) - (info["Buffers"] ?? 0),
  };
}

function hugepages(info: Readonly<Record<string, number>>, page: number): { hugepages_total: number; hugepages_used: number } {
  const [all, free] = [info["HugePages_Total"] ?? 0, info["HugePages_Free"] ?? 0];
  return { hugepages_total: all * page, hugepages_used: (all - free) * page };
}

function readNode(sysfs: Sysfs, name: string, page: number, totalOf: (folder: string) => number | undefined): NonNullable<ResourcesMemory["nodes"]> {
  const folder = `/sys/devices/system/node/${name}`;
  const text = sysfs.text(`${folder}/meminfo`);
  if (text === undefined) return [];
  const info = parseMeminfo(text);
  return [{
    numa_node: Number(name.slice(4)), ...hugepages(info, page), used: info["MemUsed"] ?? 0,
    total: totalOf(folder) ?? info["MemTotal"] ?? 0,
  }];
}
