// What the machine has: processors and memory.
import { readFileSync } from "node:fs";
import os from "node:os";
import type { Resources } from "../api/server.ts";
import { hostArchitecture } from "../../images/metadata.ts";

/** Bytes of an entry of /proc/meminfo. */
function memoryEntry(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
}

export function readResources(): Resources {
  const memory = readFileSync("/proc/meminfo", "utf8");
  const total = memoryEntry(memory, "MemTotal");
  return {
    cpu: { architecture: hostArchitecture(), total: os.cpus().length, sockets: [{ socket: 0, name: os.cpus()[0]?.model ?? "", cores: os.cpus().length }] },
    memory: { used: total - memoryEntry(memory, "MemAvailable"), total, hugepages_total: 0, hugepages_used: 0, hugepages_size: 0 },
  };
}
