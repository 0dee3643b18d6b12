// The samples of one running instance, read from the kernel: no process, no walk over files.
import type { Link } from "../host/netlink.ts";
import type { DiskIo } from "../lxc/cgroup-stat.ts";
import type { ContainerCgroups } from "../lxc/cgroup.ts";
import type { FileSystem } from "./filesystems.ts";
import { quoteLabel, type Samples } from "./samples.ts";

/** What of the host the numbers of guests are read with. */
export interface Host {
  /** Bytes of memory that the machine has. */
  memory: number;
  /** MAJOR:MINOR → name of the disk. */
  disks: ReadonlyMap<string, string>;
}

/** A guest may have made any number of interfaces. */
const mostInterfaces = 64;

/** Labels come first that say which of several it is; `own` is the instance's. */
export function addCgroups(samples: Samples, cgroups: ContainerCgroups, host: Host, own: string): void {
  for (const { processor, user, system } of cgroups.cpuTimes()) {
    samples.add("lxd_cpu_seconds_total", `cpu="${processor}",mode="system",${own}`, system / 1e9);
    samples.add("lxd_cpu_seconds_total", `cpu="${processor}",mode="user",${own}`, user / 1e9);
  }
  for (const [device, io] of cgroups.io()) addDisk(samples, io, `device=${quoteLabel(host.disks.get(device) ?? device)},${own}`);
  addMemory(samples, cgroups, host.memory, own);
  const processes = cgroups.processes();
  samples.add("lxd_procs_total", own, processes < 0 ? undefined : processes);
}

function addDisk(samples: Samples, io: DiskIo, labels: string): void {
  samples.add("lxd_disk_read_bytes_total", labels, io.readBytes);
  samples.add("lxd_disk_reads_completed_total", labels, io.reads);
  samples.add("lxd_disk_written_bytes_total", labels, io.writtenBytes);
  samples.add("lxd_disk_writes_completed_total", labels, io.writes);
}

const sum = (a: number | undefined, b: number | undefined) => (a === undefined || b === undefined ? undefined : a + b);

function addMemory(samples: Samples, cgroups: ContainerCgroups, machine: number, own: string): void {
  const stat = cgroups.memoryStat();
  samples.add("lxd_memory_Active_anon_bytes", own, stat.activeAnon);
  samples.add("lxd_memory_Active_file_bytes", own, stat.activeFile);
  samples.add("lxd_memory_Active_bytes", own, sum(stat.activeAnon, stat.activeFile));
  samples.add("lxd_memory_Cached_bytes", own, stat.cache);
  samples.add("lxd_memory_Dirty_bytes", own, stat.dirty);
  samples.add("lxd_memory_Inactive_anon_bytes", own, stat.inactiveAnon);
  samples.add("lxd_memory_Inactive_file_bytes", own, stat.inactiveFile);
  samples.add("lxd_memory_Inactive_bytes", own, sum(stat.inactiveAnon, stat.inactiveFile));
  samples.add("lxd_memory_Mapped_bytes", own, stat.mapped);
  samples.add("lxd_memory_RSS_bytes", own, stat.rss);
  samples.add("lxd_memory_Shmem_bytes", own, stat.shmem);
  samples.add("lxd_memory_Unevictable_bytes", own, stat.unevictable);
  samples.add("lxd_memory_Writeback_bytes", own, stat.writeback);
  if (stat.usage === undefined) return; // no controller: there is nothing to tell
  const total = Math.min(stat.limit ?? machine, machine);
  samples.add("lxd_memory_MemTotal_bytes", own, total);
  samples.add("lxd_memory_MemFree_bytes", own, Math.max(0, total - stat.usage));
  samples.add("lxd_memory_MemAvailable_bytes", own, Math.max(0, total - stat.usage + (stat.cache ?? 0)));
  samples.add("lxd_memory_Swap_bytes", own, stat.swap);
}

export function addLinks(samples: Samples, links: readonly Link[], own: string): void {
  for (const { name, rx, tx } of links.slice(0, mostInterfaces)) {
    const labels = `device=${quoteLabel(name)},${own}`;
    samples.add("lxd_network_receive_bytes_total", labels, rx.bytes);
    samples.add("lxd_network_receive_drop_total", labels, rx.dropped);
    samples.add("lxd_network_receive_errs_total", labels, rx.errors);
    samples.add("lxd_network_receive_packets_total", labels, rx.packets);
    samples.add("lxd_network_transmit_bytes_total", labels, tx.bytes);
    samples.add("lxd_network_transmit_drop_total", labels, tx.dropped);
    samples.add("lxd_network_transmit_errs_total", labels, tx.errors);
    samples.add("lxd_network_transmit_packets_total", labels, tx.packets);
  }
}

export function addFileSystems(samples: Samples, fileSystems: readonly FileSystem[], own: string): void {
  for (const { device, type, mountpoint, size, free, available } of fileSystems) {
    const labels = `device=${quoteLabel(device)},fstype=${quoteLabel(type)},mountpoint=${quoteLabel(mountpoint)},${own}`;
    samples.add("lxd_filesystem_avail_bytes", labels, available);
    samples.add("lxd_filesystem_free_bytes", labels, free);
    samples.add("lxd_filesystem_size_bytes", labels, size);
  }
}
