// From an instance to liblxc's configuration of its container.
import { existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { isTrue } from "../api/config-keys/key.ts";
import type { Context } from "../context.ts";
import { type IdMap, inUserNamespace } from "../host/user-namespace.ts";
import { cgroupLayout } from "../lxc/cgroup.ts";
import { isPrivileged } from "../lxc/idmap.ts";
import { findLxcfs, lxcfsMounts } from "../lxc/lxcfs.ts";
import type { BindMount, ContainerConfig } from "../lxc/render-config.ts";
import { hasSeccomp } from "../lxc/seccomp.ts";
import type { Prepared } from "../devices/plan.ts";
import type { Layer } from "./config.ts";
import { kernelLines, rawLines } from "./kernel/lines.ts";
import { cpusForStart } from "./limits/balancer.ts";
import { cgroupWorld, limitLines } from "./limits/lines.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";

/** What a guest may use of the host, where the host has it. */
const shared: readonly BindMount[] = [
  { source: "/dev/fuse", target: "dev/fuse", options: "none bind,create=file,optional" },
  { source: "/dev/net/tun", target: "dev/net/tun", options: "none bind,create=file,optional" },
  { source: "/proc/sys/fs/binfmt_misc", target: "proc/sys/fs/binfmt_misc", options: "none rbind,create=dir,optional" },
  { source: "/sys/fs/fuse/connections", target: "sys/fs/fuse/connections", options: "none rbind,create=dir,optional" },
  { source: "/sys/kernel/security", target: "sys/kernel/security", options: "none rbind,create=dir,optional" },
];

/** Message queues are those of its own IPC namespace. */
const queues: BindMount = { source: "mqueue", target: "dev/mqueue", options: "mqueue rw,relatime,create=dir,optional" };

/** What tells of the host, or could harm it, and no guest needs. */
const hidden = ["/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/sysrq-trigger", "/proc/timer_list", "/proc/acpi", "/proc/scsi", "/sys/firmware"];

/** Its way to ask the daemon. */
function guestMounts(ctx: Context, instance: InstanceRecord, expanded: Layer): BindMount[] {
  if (!isTrue(expanded.config["security.devlxd"] ?? "true")) return [];
  return [{ source: ctx.paths.guestFolder(instance.id), target: "dev/lxd", options: "none bind,ro,create=dir" }];
}

function hasAppArmor(): boolean {
  const file = "/sys/module/apparmor/parameters/enabled";
  return existsSync(file) && readFileSync(file, "utf8").startsWith("Y");
}

const CGROUP2 = 0x63677270;

/** The cgroup keys that rule devices here; liblxc passes over the others. */
function deviceKeys(): string | undefined {
  if (statfsSync("/sys/fs/cgroup").type === CGROUP2) return "lxc.cgroup2.devices";
  return "devices" in cgroupLayout().controllers ? "lxc.cgroup.devices" : undefined;
}

export function containerConfig(ctx: Context, instance: InstanceRecord, expanded: Layer, map: IdMap, devices: Pick<Prepared, "lines" | "nics">): ContainerConfig {
  const name = systemNameOf(instance);
  const appArmor = hasAppArmor();
  const unified = cgroupLayout().unified !== undefined;
  const privileged = isPrivileged(map) && !inUserNamespace();
  const nesting = isTrue(expanded.config["security.nesting"]);
  const environment = Object.entries(expanded.config).filter(([key]) => key.startsWith("environment."));
  return {
    name,
    hostname: instance.name,
    rootfs: `${ctx.pools.driver(instance.pool).folder(name)}/rootfs`,
    architecture: instance.architecture,
    logFile: `${ctx.paths.logs(name)}/lxc.log`,
    tellsEnd: isTrue(expanded.config["boot.autorestart"]),
    consoleLog: `${ctx.paths.logs(name)}/console.log`,
    seccompProfile: hasSeccomp(expanded.config) ? `${ctx.paths.security}/${name}` : undefined,
    stopHook: ctx.paths.stopHook,
    map,
    unifiedCgroups: unified,
    nesting,
    privileged,
    deviceKeys: deviceKeys(),
    appArmor,
    environment: Object.fromEntries(environment.map(([key, value]) => [key.slice("environment.".length), value])),
    mounts: [...guestMounts(ctx, instance, expanded), ...shared.filter(({ source }) => existsSync(source)), queues, ...lxcfsMounts(findLxcfs(ctx.paths.lxcfs))],
    // A hidden /proc is one that the kernel lets no nested container mount anew.
    masked: nesting ? [] : hidden.filter((file) => existsSync(file)).map((file) => ({ path: file, directory: statSync(file).isDirectory() })),
    nics: devices.nics,
    devices: devices.lines,
    cgroups: limitLines(expanded.config, cpusForStart(ctx.runtime, name, expanded.config["limits.cpu"]), cgroupWorld()),
    extra: kernelLines(expanded.config, appArmor),
    raw: rawLines(expanded.config),
    notes: Object.fromEntries(Object.entries(instance.config).filter(([key]) => key.startsWith("volatile."))),
  };
}
