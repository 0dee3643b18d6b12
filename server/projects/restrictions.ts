// What a restricted project forbids its instances and profiles: one table of keys and of device types. Pure.
import { isTrue } from "../api/config-keys/key.ts";
import { parseIdRange, projectKeys, splitList } from "../api/config-keys/project.ts";
import { BerthError, fail } from "../api/errors.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";
import { isWithin } from "../devices/disk/within.ts";
import { parseRawIdMap } from "../lxc/own-ids.ts";
import type { ProjectRecord } from "./store.ts";

/** An instance with what its profiles bring, or a profile. */
export interface Subject {
  kind: "container" | "profile";
  name: string;
  config: Config;
  devices: DeviceMap;
}

/** What holds for each key of the project. */
type Restrictions = (key: string) => string;
/** What is wrong, as LXD says it; with the key that decided when that is another than the rule's. */
type Fault = string | { reason: string; key: string } | undefined;

interface Rule<T> {
  /** The project's key that decides, usually. */
  key: string;
  fault: (given: T, allowed: string, restrictions: Restrictions) => Fault;
}

const configRules: Readonly<Record<string, Rule<string>>> = {
  "security.nesting": { key: "restricted.containers.nesting", fault: (value, allowed) => (allowed === "block" && isTrue(value) ? "Container nesting is forbidden" : undefined) },
  "security.privileged": { key: "restricted.containers.privilege", fault: (value, allowed) => (allowed !== "allow" && isTrue(value) ? "Privileged containers are forbidden" : undefined) },
  "security.idmap.isolated": { key: "restricted.containers.privilege", fault: (value, allowed) => (allowed === "isolated" && !isTrue(value) ? "Non-isolated containers are forbidden" : undefined) },
};

/** Keys with root's power on the host. */
const lowLevelKeys: readonly string[] = [
  "boot.host_shutdown_timeout", "linux.kernel_modules", "raw.apparmor", "raw.idmap", "raw.lxc", "raw.seccomp", "security.devlxd.images", "security.idmap.base", "security.idmap.size",
];

const blockable = (type: string, what: string): [string, Rule<Config>] =>
  [type, { key: `restricted.devices.${type}`, fault: (_device, allowed) => (allowed === "allow" ? undefined : `${what} devices are forbidden`) }];

const deviceRules: Readonly<Record<string, Rule<Config>>> = {
  ...Object.fromEntries([
    blockable("unix-char", "Unix character"), blockable("unix-block", "Unix block"), blockable("unix-hotplug", "Unix hotplug"), blockable("infiniband", "Infiniband"),
    blockable("gpu", "GPU"), blockable("usb", "USB"), blockable("pci", "PCI"), blockable("proxy", "Proxy"),
  ]),
  nic: { key: "restricted.devices.nic", fault: nicFault },
  disk: { key: "restricted.devices.disk", fault: diskFault },
};

/** These lead traffic of the whole machine to the guest. */
const hostRoutes = ["ipv4.routes", "ipv6.routes", "ipv4.routes.external", "ipv6.routes.external"];

function nicFault(device: Config, allowed: string, restrictions: Restrictions): Fault {
  if (allowed === "block") return "Network devices are forbidden";
  if (allowed === "managed" && !device["network"]) return "Only managed network devices are allowed";
  const route = hostRoutes.find((option) => device[option]);
  if (allowed === "managed" && route) return `Routes of the host (${route}) are forbidden`;
  const [network, key] = [device["network"] || device["parent"], "restricted.networks.access"];
  const access = splitList(restrictions(key));
  return network && access.length > 0 && !access.includes(network) ? { reason: "Network not allowed in project", key } : undefined;
}

function diskFault(device: Config, allowed: string, restrictions: Restrictions): Fault {
  const source = device["source"] ?? "";
  if (device["path"] === "/" && device["pool"]) return undefined;
  if (allowed === "block") return "Disk devices are forbidden";
  if (device["pool"] || source === "tmpfs:") return undefined;
  if (allowed === "managed") return "Attaching disks not backed by a pool is forbidden";
  const key = "restricted.devices.disk.paths";
  const paths = splitList(restrictions(key));
  if (paths.length === 0) return undefined;
  if (!paths.some((path) => isWithin(path, source))) return { reason: `Disk source path "${source}" not allowed`, key };
  return isTrue(device["shift"]) ? { reason: 'The "shift" property cannot be used with a restricted source path', key } : undefined;
}

/** What holds for a `restricted.*` key of a restricted project. */
export function restrictionOf(project: ProjectRecord, key: string): string {
  return project.config[key] ?? projectKeys[key]?.default ?? "";
}

/** The folders that sources of disks have to be opened beneath; undefined: they may lie anywhere. */
export function diskFolders({ config }: ProjectRecord): string[] | undefined {
  const folders = splitList(config["restricted.devices.disk.paths"]);
  return isTrue(config["restricted"]) && folders.length > 0 ? folders : undefined;
}

/** Whether a project is restricted, and blocks what this key is about. */
export function blocks(project: ProjectRecord, key: string): boolean {
  return isTrue(project.config["restricted"]) && restrictionOf(project, key) === "block";
}

/** Whether a project may see and use a network. */
export function allowsNetwork(project: ProjectRecord, name: string, managed: boolean): boolean {
  const device = { type: "nic", [managed ? "network" : "parent"]: name };
  const restrictions = (key: string) => restrictionOf(project, key);
  return !isTrue(project.config["restricted"]) || nicFault(device, restrictions("restricted.devices.nic"), restrictions) === undefined;
}

/** Throws `project_restricted` for the first thing that a restricted project forbids. */
export function assertUnrestricted(project: ProjectRecord, subject: Subject): void {
  const restrictions = (key: string) => restrictionOf(project, key);
  const about = `${subject.kind} "${subject.name}" of project "${project.name}"`;
  const refuse = (reason: string, key: string) => fail("project_restricted", { reason, project: project.name, key });
  const check = <T>(rules: Readonly<Record<string, Rule<T>>>, name: string, given: T, what: string) => {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    const fault = rule?.fault(given, restrictions(rule.key), restrictions);
    if (rule && fault) throw refuse(`Invalid ${what} on ${about}: ${typeof fault === "string" ? fault : fault.reason}`, typeof fault === "string" ? rule.key : fault.key);
  };
  // A range of ids of its own is what a container has to ask for; a profile need not.
  const config: Config = { ...(subject.kind === "container" ? { "security.idmap.isolated": "" } : {}), ...subject.config };
  for (const [key, value] of Object.entries(config)) {
    const lowLevel = lowLevelFault(key, value, about, restrictions);
    if (lowLevel) throw refuse(lowLevel, "restricted.containers.lowlevel");
    check(configRules, key, value, `value "${value}" for config "${key}"`);
  }
  for (const [name, device] of Object.entries(subject.devices)) check(deviceRules, device["type"] ?? "", device, `device "${name}"`);
}

function lowLevelFault(key: string, value: string, about: string, restrictions: Restrictions): string | undefined {
  if (!lowLevelKeys.includes(key) || restrictions("restricted.containers.lowlevel") === "allow") return undefined;
  if (key !== "raw.idmap") return `Use of low-level config "${key}" on ${about} is forbidden`;
  const at = parseRawIdMap(value).findIndex((entry) => {
    const kinds = entry.kind === "both" ? (["uid", "gid"] as const) : [entry.kind];
    return !kinds.every((kind) => splitList(restrictions(`restricted.idmap.${kind}`)).some((item) => covers(item, entry.outside, entry.count)));
  });
  return at < 0 ? undefined : `Use of low-level "raw.idmap" element ${at} on ${about} is forbidden`;
}

function covers(item: string, from: number, count: number): boolean {
  const [first, last] = parseIdRange(item) ?? [1, 0];
  return from >= first && from + count - 1 <= last;
}

/** The same error, as what stands in the way of a change of the project. */
export function asConflict(error: unknown, project: string): unknown {
  if (!(error instanceof BerthError) || error.code !== "project_restricted") return error;
  return fail("project_conflict", { reason: `Conflict detected when changing "${error.details["key"]}" in project "${project}": ${error.message}` });
}
