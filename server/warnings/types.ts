// What warnings there are: LXD's, by its words, where they can arise here, and Berth's own.

export type Severity = "low" | "moderate" | "high";

export interface WarningKind {
  readonly text: string;
  readonly severity: Severity;
}

export const warningTypes = {
  cgroup_blkio_missing: { text: "Couldn't find the CGroup blkio", severity: "low" },
  cgroup_blkio_weight_missing: { text: "Couldn't find the CGroup blkio.weight", severity: "low" },
  cgroup_cpu_missing: { text: "Couldn't find the CGroup CPU controller", severity: "low" },
  cgroup_cpuset_missing: { text: "Couldn't find the CGroup CPUset controller", severity: "low" },
  cgroup_cpuacct_missing: { text: "Couldn't find the CGroup CPUacct controller", severity: "low" },
  cgroup_devices_missing: { text: "Couldn't find the CGroup devices controller", severity: "low" },
  cgroup_freezer_missing: { text: "Couldn't find the CGroup freezer controller", severity: "low" },
  cgroup_hugetlb_missing: { text: "Couldn't find the CGroup hugetlb controller", severity: "low" },
  cgroup_memory_missing: { text: "Couldn't find the CGroup memory controller", severity: "low" },
  cgroup_net_prio_missing: { text: "Couldn't find the CGroup network priority controller", severity: "low" },
  cgroup_pids_missing: { text: "Couldn't find the CGroup pids controller", severity: "low" },
  cgroup_swap_missing: { text: "Couldn't find the CGroup memory swap accounting", severity: "low" },
  apparmor_missing: { text: "AppArmor support has been disabled", severity: "low" },
  network_unavailable: { text: "Network unavailable", severity: "high" },
  pool_unavailable: { text: "Storage pool unavailable", severity: "high" },
  autostart_failed: { text: "Failed to autostart instance", severity: "low" },
  idmap_missing: { text: "No range of ids for unprivileged containers", severity: "high" },
  lxcfs_missing: { text: "lxcfs is not running", severity: "low" },
  proxies_failed: { text: "Proxy devices unavailable", severity: "moderate" },
} as const satisfies Record<string, WarningKind>;

export type WarningType = keyof typeof warningTypes;
