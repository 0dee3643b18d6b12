// The configuration keys of instances (containers), and of profiles, which hold the same.
import { type KeyTable, parseSize } from "./key.ts";

function memory(value: string): string | undefined {
  if (/^\d{1,3}%$/.test(value)) return Number.parseInt(value, 10) > 0 && Number.parseInt(value, 10) <= 100 ? undefined : "expected 1% to 100%";
  const size = parseSize(value);
  if (size === undefined) return "expected a size such as 512MiB, or a percentage of the machine's memory";
  return size < 2 ** 20 ? "expected at least 1MiB" : undefined;
}

function cpus(value: string): string | undefined {
  if (/^[1-9]\d{0,3}$/.test(value)) return undefined;
  return /^(\d+-\d+|\d+(-\d+)?(,\d+(-\d+)?)+)$/.test(value) ? undefined : "expected a number of processors, or a set such as 0-3 or 1,2";
}

function allowance(value: string): string | undefined {
  const percent = /^(\d{1,3})%$/.exec(value);
  if (percent) return Number(percent[1]) > 0 && Number(percent[1]) <= 100 ? undefined : "expected 1% to 100%";
  return /^[1-9]\d*ms\/[1-9]\d*ms$/.test(value) ? undefined : "expected a percentage, or a time per period such as 25ms/100ms";
}

export const instanceKeys: KeyTable = {
  "boot.autostart": { type: { kind: "bool" }, description: "Start when berthd starts; when unset, if it ran when the machine went down" },
  "boot.autostart.delay": { type: { kind: "int", min: 0 }, default: "0", description: "Seconds to wait after starting it before the next is started" },
  "boot.autostart.priority": { type: { kind: "int" }, default: "0", description: "Higher ones are started first" },
  "cloud-init.network-config": { type: { kind: "text" }, description: "Network configuration for cloud-init" },
  "cloud-init.user-data": { type: { kind: "text" }, default: "#cloud-config", description: "User data for cloud-init" },
  "cloud-init.vendor-data": { type: { kind: "text" }, default: "#cloud-config", description: "Vendor data for cloud-init" },
  "environment.*": { type: { kind: "string" }, live: true, description: "A variable of init's environment, and of every exec's" },
  "image.*": { type: { kind: "text" }, description: "A property of the image it was made from" },
  "limits.cpu": { type: { kind: "check", name: "processors", check: cpus }, description: "How many processors it may use, or which" },
  "limits.cpu.allowance": { type: { kind: "check", name: "allowance", check: allowance }, default: "100%", description: "Share of processor time under load, or a hard limit per period" },
  "limits.memory": { type: { kind: "check", name: "memory", check: memory }, description: "Most memory it may use" },
  "limits.processes": { type: { kind: "int", min: 1 }, description: "Most processes it may run" },
  "security.nesting": { type: { kind: "bool" }, default: "false", description: "Let it run containers of its own" },
  "security.protection.delete": { type: { kind: "bool" }, default: "false", live: true, description: "Refuse to delete it" },
  "user.*": { type: { kind: "text" }, live: true, description: "Anything of yours" },
  "volatile.*": { type: { kind: "text" }, readonly: true, description: "What Berth remembers of it" },
};

/** Keys of LXD's that Berth knows and does not apply yet: refused with that reason, rather than as unknown. */
export const laterInstanceKeys = [
  "boot.host_shutdown_timeout", "boot.stop.priority", "cluster.evacuate", "limits.cpu.priority", "limits.disk.priority",
  "limits.hugepages.", "limits.kernel.", "limits.memory.", "limits.network.priority", "linux.kernel_modules", "linux.sysctl.",
  "migration.", "nvidia.", "raw.", "security.devlxd", "security.idmap.", "security.privileged", "security.protection.shift",
  "security.syscalls.", "snapshots.",
];
