// The configuration keys of instances (containers), and of profiles, which hold the same.
import { allowance, idMapLines, memory, processors, resourceLimit, timeSpan } from "./instance-values.ts";
import { moduleList, resourceName, sysctlName, variableName } from "./kernel.ts";
import { schedule } from "./schedule.ts";
import type { Key, KeyTable } from "./key.ts";
import { seccompPolicy, systemCalls } from "./system-calls.ts";
import { rawLxc } from "./raw-lxc.ts";

type Extra = Omit<Key, "type" | "description">;
const bool = (description: string, extra: Extra = { default: "false" }): Key => ({ type: { kind: "bool" }, description, ...extra });
const int = (description: string, range: { min?: number; max?: number }, extra: Extra = {}): Key => ({ type: { kind: "int", ...range }, description, ...extra });
const text = (description: string, extra: Extra = {}): Key => ({ type: { kind: "text" }, description, ...extra });
const string = (description: string, extra: Extra = {}): Key => ({ type: { kind: "string" }, description, ...extra });
const size = (description: string, extra: Extra = {}): Key => ({ type: { kind: "size" }, description, ...extra });
const checked = (name: string, check: (value: string) => string | undefined, description: string, extra: Extra = {}): Key =>
  ({ type: { kind: "check", name, check }, description, ...extra });
const live = { live: true } as const;

const boot: KeyTable = {
  "boot.autorestart": bool("Start it again when its init ends by a fault, not by a shutdown from inside; each time after a longer wait, up to a minute"),
  "boot.autostart": bool("Start when berthd starts; when unset, if it ran when the machine went down", live),
  "boot.autostart.delay": int("Seconds to wait after starting it before the next is started", { min: 0 }, { default: "0", ...live }),
  "boot.autostart.priority": int("Higher ones are started first", {}, { default: "0", ...live }),
  "boot.host_shutdown_timeout": int("Seconds it has to shut down in when the machine does; it is killed then", { min: 0 }, { default: "30", ...live }),
  "boot.stop.priority": int("Higher ones are stopped first when the machine shuts down", {}, { default: "0", ...live }),
};

const guest: KeyTable = {
  "cloud-init.network-config": text("Network configuration for cloud-init", live),
  "cloud-init.user-data": text("User data for cloud-init", { default: "#cloud-config", ...live }),
  "cloud-init.vendor-data": text("Vendor data for cloud-init", { default: "#cloud-config", ...live }),
  "environment.*": string("A variable of init's environment, and of every exec's", { name: variableName, ...live }),
  "image.*": text("A property of the image it was made from", live),
  "linux.kernel_modules": checked("modules", moduleList, "Kernel modules to load before it starts, separated by commas", live),
  "linux.sysctl.*": string("A kernel parameter of the guest's namespaces", { name: sysctlName }),
  "user.*": text("Anything of yours; the guest can read it through /dev/lxd", live),
};

const limits: KeyTable = {
  "limits.cpu": checked("processors", processors, "How many processors it may use, or which", live),
  "limits.cpu.allowance": checked("allowance", allowance, "Share of processor time under load, or a hard limit per period", { default: "100%", ...live }),
  "limits.cpu.priority": int("Among instances with the same share: higher is served first", { min: 0, max: 10 }, { default: "10", ...live }),
  "limits.disk.priority": int("Share of disk time under load", { min: 0, max: 10 }, { default: "5", ...live }),
  "limits.hugepages.1GB": size("Most memory in huge pages of 1 GB", live),
  "limits.hugepages.1MB": size("Most memory in huge pages of 1 MB", live),
  "limits.hugepages.2MB": size("Most memory in huge pages of 2 MB", live),
  "limits.hugepages.64KB": size("Most memory in huge pages of 64 KB", live),
  "limits.kernel.*": checked("SOFT[:HARD]", resourceLimit, "A resource limit of init's (nofile, memlock, …)", { name: resourceName }),
  "limits.memory": checked("memory", memory, "Most memory it may use", live),
  "limits.memory.enforce": { type: { kind: "enum", values: ["hard", "soft"] }, default: "hard", description: "hard: never more; soft: more while the machine has some to spare", ...live },
  "limits.memory.swap": bool("Let its memory be swapped out", { default: "true", ...live }),
  "limits.memory.swap.priority": int("Higher is swapped out later; cgroup v1 only", { min: 0, max: 10 }, { default: "10", ...live }),
  "limits.network.priority": int("The kernel's priority of what it sends, for the queues of the host's interfaces", { min: 0, max: 10 }, { default: "0", ...live }),
  "limits.processes": int("Most processes it may run", { min: 1 }, live),
};

const raw: KeyTable = {
  "raw.apparmor": text("Rules to add to its AppArmor profile; kept without effect where the kernel has no AppArmor"),
  "raw.idmap": checked("id map", idMapLines, "Ids to map besides its own range: lines of both|uid|gid HOST GUEST"),
  "raw.lxc": checked("lines of lxc.conf", rawLxc, "Lines to add to its lxc.conf. They have root's power: hooks run on the host"),
  "raw.seccomp": checked("seccomp policy", seccompPolicy, "A seccomp policy in place of Berth's, as liblxc takes it"),
};

const security: KeyTable = {
  "security.devlxd": bool("Give the guest /dev/lxd", { default: "true" }),
  "security.devlxd.images": bool("Let the guest fetch images through /dev/lxd", { default: "false", ...live }),
  "security.idmap.base": int("First host id of its own range", { min: 65536, max: 4294901760 }),
  "security.idmap.isolated": bool("A range of host ids that no other instance has"),
  "security.idmap.size": int("How many ids it has", { min: 65536, max: 4294901760 }),
  "security.nesting": bool("Let it run containers of its own"),
  "security.privileged": bool("Its root is the host's: no user namespace. For guests you trust as yourself"),
  "security.protection.delete": bool("Refuse to delete it", { default: "false", ...live }),
  "security.protection.shift": bool("Refuse a start for which the owners of its files would have to be changed", { default: "false", ...live }),
  "security.protection.start": bool("Refuse to start it", { default: "false", ...live }),
  "security.syscalls.allow": checked("system calls", systemCalls, "The only system calls it may make, one a line"),
  "security.syscalls.deny": checked("system calls", systemCalls, "System calls it may not make, one a line: CALL [kill|trap|errno NUMBER] [[ARGUMENT,VALUE,OPERATOR]…]"),
  "security.syscalls.deny_compat": bool("Refuse the system calls that only 32-bit programs have"),
  "security.syscalls.deny_default": bool("Refuse the system calls that no guest needs and some misuse", { default: "true" }),
};

const snapshots: KeyTable = {
  "snapshots.expiry": checked("span", timeSpan, "How long its snapshots are kept", live),
  "snapshots.pattern": string("Name of snapshots: %d is a number, {{ creation_date }} the time", { default: "snap%d", ...live }),
  "snapshots.schedule": checked("schedule", schedule, "When snapshots are made: cron expressions, or @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @startup; several separated by a comma and a space", live),
  "snapshots.schedule.stopped": bool("Make them also while it is stopped", { default: "false", ...live }),
};

/** Older names of LXD's for some keys: kept as they are set, and read as what they are called now. */
export const olderInstanceKeys: Readonly<Record<string, string>> = {
  "security.syscalls.blacklist": "security.syscalls.deny", "security.syscalls.blacklist_compat": "security.syscalls.deny_compat",
  "security.syscalls.blacklist_default": "security.syscalls.deny_default", "security.syscalls.whitelist": "security.syscalls.allow",
};

const older: KeyTable = Object.fromEntries(
  Object.entries(olderInstanceKeys).flatMap(([name, now]) => (security[now] ? [[name, { ...security[now], description: `Older name of \`${now}\`` }]] : [])),
);

export const instanceKeys: KeyTable = {
  ...boot, ...guest, ...limits, ...raw, ...security, ...snapshots, ...older,
  "cluster.evacuate": { type: { kind: "enum", values: ["auto", "migrate", "live-migrate", "stop"] }, default: "auto", description: "Kept for tools that set it: there is one host" },
  "volatile.*": text("What Berth remembers of it", { readonly: true }),
};

/** Keys of LXD's that Berth does not do: refused with that reason, rather than as unknown. A name ending in `.` stands for all that begin so. */
export const unsupportedInstanceKeys = ["migration.", "nvidia.", "security.syscalls.intercept."];
