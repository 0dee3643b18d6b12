// Processors: sockets, their cores, and the threads of each.
import type { ResourcesCpu } from "../../api/resources.ts";
import { parseCpus } from "../../instances/limits/cpus.ts";
import { known, type Sysfs } from "./sysfs.ts";

const folder = "/sys/devices/system/cpu";

type Socket = ResourcesCpu["sockets"][number];
type Core = Socket["cores"][number];

/** The members of each processor in /proc/cpuinfo, by its number. */
function readCpuinfo(sysfs: Sysfs): Map<number, Record<string, string>> {
  const processors = (sysfs.text("/proc/cpuinfo") ?? "").split("\n\n").map((block) =>
    Object.fromEntries(block.split("\n").map((line) => line.split(":").map((part) => part.trim()) as [string, string])));
  return new Map(processors.filter((one) => one["processor"] !== undefined).map((one) => [Number(one["processor"]), one]));
}

function readCaches(sysfs: Sysfs, cpu: string): Socket["cache"] {
  const caches = sysfs.list(`${cpu}/cache`).flatMap((name) => {
    const level = sysfs.number(`${cpu}/cache/${name}/level`);
    if (level === undefined) return [];
    const size = sysfs.text(`${cpu}/cache/${name}/size`) ?? "0";
    return { level, type: sysfs.text(`${cpu}/cache/${name}/type`) ?? "Unknown", size: Number.parseInt(size, 10) * (size.endsWith("K") ? 1024 : 1) };
  });
  return caches.length > 0 ? caches : undefined;
}

const megahertz = (kilohertz: number | undefined) => (kilohertz === undefined ? undefined : Math.floor(kilohertz / 1000));

function numaNode(sysfs: Sysfs, cpu: string): number {
  return Number(sysfs.list(cpu).find((name) => /^node\d+$/.test(name))?.slice(4) ?? 0);
}

export function readCpu(sysfs: Sysfs, architecture: string): ResourcesCpu {
  const info = readCpuinfo(sysfs);
  const isolated = new Set(parseCpus(sysfs.text(`${folder}/isolated`) || ""));
  const sockets = new Map<number, Socket>();
  const cores = new Map<string, Core>();
  let total = 0;
  for (const name of sysfs.list(folder).filter((entry) => /^cpu\d+$/.test(entry))) {
    const cpu = `${folder}/${name}`;
    if (!sysfs.has(`${cpu}/topology`)) continue;
    const id = Number(name.slice(3));
    const place = (file: string) => sysfs.number(`${cpu}/topology/${file}`) ?? 0;
    const [socket, die, core] = [place("physical_package_id"), place("die_id"), place("core_id")];
    const key = `${socket} ${die} ${core}`;
    if (!sockets.has(socket)) sockets.set(socket, readSocket(sysfs, cpu, socket, info.get(id) ?? {}));
    if (!cores.has(key)) {
      const made: Core = { core, die, threads: [], ...known({ frequency: megahertz(sysfs.number(`${cpu}/cpufreq/scaling_cur_freq`)) }) };
      cores.set(key, made);
      sockets.get(socket)?.cores.push(made);
    }
    const threads = cores.get(key)?.threads ?? [];
    threads.push({
      id, numa_node: numaNode(sysfs, cpu), thread: threads.length, online: sysfs.number(`${cpu}/online`) !== 0, isolated: isolated.has(id),
    });
    total++;
  }
  return { architecture, sockets: [...sockets.values()].sort((a, b) => a.socket - b.socket).map(withFrequency), total };
}

function readSocket(sysfs: Sysfs, cpu: string, socket: number, info: Readonly<Record<string, string>>): Socket {
  const frequency = (which: "min" | "max") =>
    megahertz(sysfs.number(`${cpu}/cpufreq/cpuinfo_${which}_freq`) ?? sysfs.number(`${cpu}/cpufreq/scaling_${which}_freq`));
  return {
    ...known({ name: info["model name"] ?? info["cpu"], vendor: info["vendor_id"] }), socket,
    ...known({ cache: readCaches(sysfs, cpu) }), cores: [], ...known({ frequency_minimum: frequency("min"), frequency_turbo: frequency("max") }),
  };
}

/** A socket's frequency is the mean of its cores'. */
function withFrequency(socket: Socket): Socket {
  const cores = socket.cores.sort((a, b) => a.core - b.core);
  const frequencies = cores.flatMap(({ frequency }) => frequency ?? []);
  if (frequencies.length === 0) return { ...socket, cores };
  return { ...socket, cores, frequency: Math.floor(frequencies.reduce((sum, one) => sum + one, 0) / frequencies.length) };
}
