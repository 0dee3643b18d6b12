// The configuration keys of projects: what a project has of its own, how much it may use, and what it may not do.
import { streamCompression } from "./compression.ts";
import { projectImageKeys } from "./images.ts";
import type { Key, KeyTable } from "./key.ts";

const feature = (what: string): Key => ({ type: { kind: "bool" }, default: "false", description: `It has ${what} of its own, else those of the project default` });
const count = (what: string): Key => ({ type: { kind: "int", min: 0, max: 4294967295 }, description: `Most ${what} it may have` });
const size = (description: string): Key => ({ type: { kind: "size" }, description });
const allowance = (what: string, rest = ""): Key => ({ type: { kind: "enum", values: ["allow", "block"] }, default: "block", description: `Whether ${what} is allowed${rest}` });
const list = (name: string, fault: (item: string) => string | undefined, description: string): Key => ({
  type: { kind: "check", name, check: (value) => splitList(value).map(fault).find((reason) => reason !== undefined) }, description,
});

/** The items of a list, which commas separate. */
export function splitList(value: string | undefined): string[] {
  return (value ?? "").split(",").map((item) => item.trim()).filter(Boolean);
}

const pathFault = (item: string) => (/^\/[^\0-\x1f]*$/.test(item) ? undefined : "expected absolute paths, separated by commas");
const nameFault = (item: string) => (/^[^\s/]{1,64}$/.test(item) ? undefined : "expected names, separated by commas");

const subnetFault = (item: string) => (/^[^\s/:]{1,64}:[0-9a-fA-F.:]{2,45}\/\d{1,3}$/.test(item) ? undefined : "expected UPLINK:SUBNET such as lan:192.0.2.0/24, separated by commas");

function idRangeFault(item: string): string | undefined {
  const [from, to] = parseIdRange(item) ?? [];
  return from !== undefined && to !== undefined && from <= to && to <= 4294967294 ? undefined : "expected ids or ranges such as 1000 or 1000-1009, separated by commas";
}

/** The first and last of `1000` or `1000-1009`. */
export function parseIdRange(item: string): [number, number] | undefined {
  const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(item);
  return match ? [Number(match[1]), Number(match[2] ?? match[1])] : undefined;
}

const backupCompression: Key = {
  type: { kind: "check", name: "compression", check: streamCompression }, live: true, description: "How backups are compressed. As the server has it when unset",
};

const features: KeyTable = {
  "features.images": feature("images and aliases"),
  "features.networks": feature("networks"),
  "features.profiles": feature("profiles"),
  "features.storage.volumes": feature("storage volumes"),
};

const limits: KeyTable = {
  "limits.containers": count("containers"),
  "limits.cpu": count("processors, over all instances: each must have limits.cpu as a number then"),
  "limits.disk": size("Most disk space, over all instances: the root disk of each must have a size then, which pools that are folders keep but do not enforce"),
  "limits.instances": count("instances"),
  "limits.memory": size("Most memory, over all instances: each must have limits.memory as a size then"),
  "limits.networks": count("networks of its own"),
  "limits.processes": count("processes, over all instances: each must have limits.processes then"),
  "limits.virtual-machines": count("virtual machines; Berth runs none"),
};

const restrictions: KeyTable = {
  restricted: { type: { kind: "bool" }, default: "false", description: "Whether what the keys restricted.* forbid is forbidden; it needs features.profiles" },
  "restricted.backups": allowance("making backups"),
  "restricted.cluster.groups": list("names", nameFault, "Kept for tools that set it: there is one host"),
  "restricted.cluster.target": allowance("naming a host for an instance", "; kept for tools that set it: there is one host"),
  "restricted.containers.interception": {
    type: { kind: "enum", values: ["allow", "block", "full"] }, default: "block", description: "Whether system calls may be intercepted; Berth intercepts none",
  },
  "restricted.containers.lowlevel": allowance("what has root's power on the host", ": raw.*, linux.kernel_modules, security.idmap.base and the like"),
  "restricted.containers.nesting": allowance("security.nesting"),
  "restricted.containers.privilege": {
    type: { kind: "enum", values: ["allow", "isolated", "unprivileged"] }, default: "unprivileged",
    description: "unprivileged: no security.privileged; isolated: also only with security.idmap.isolated; allow: either",
  },
  "restricted.devices.disk": {
    type: { kind: "enum", values: ["allow", "block", "managed"] }, default: "managed",
    description: "Disks besides the root disk: managed has those that need nothing of the host's file system, allow all below restricted.devices.disk.paths",
  },
  "restricted.devices.disk.paths": list("paths", pathFault, "Below which folders of the host's the sources of disks may lie; all when unset"),
  "restricted.devices.gpu": allowance("a device of type gpu"),
  "restricted.devices.infiniband": allowance("a device of type infiniband", "; Berth has none"),
  "restricted.devices.nic": {
    type: { kind: "enum", values: ["allow", "block", "managed"] }, default: "managed", description: "Network interfaces: managed has those that name a managed network",
  },
  "restricted.devices.pci": allowance("a device of type pci", "; Berth has none"),
  "restricted.devices.proxy": allowance("a device of type proxy"),
  "restricted.devices.unix-block": allowance("a device of type unix-block"),
  "restricted.devices.unix-char": allowance("a device of type unix-char"),
  "restricted.devices.unix-hotplug": allowance("a device of type unix-hotplug"),
  "restricted.devices.usb": allowance("a device of type usb"),
  "restricted.idmap.gid": list("id ranges", idRangeFault, "Group ids of the host's that raw.idmap may name"),
  "restricted.idmap.uid": list("id ranges", idRangeFault, "User ids of the host's that raw.idmap may name"),
  "restricted.networks.access": list("names", nameFault, "The networks that it may use; all when unset"),
  "restricted.networks.subnets": list("subnets", subnetFault, "Kept for tools that set it: there are no networks with uplinks"),
  "restricted.networks.uplinks": list("names", nameFault, "Kept for tools that set it: there are no networks with uplinks"),
  "restricted.networks.zones": list("names", nameFault, "Kept for tools that set it: there are no DNS zones"),
  "restricted.snapshots": allowance("making snapshots"),
  "restricted.virtual-machines.lowlevel": allowance("low-level configuration of virtual machines", "; Berth runs none"),
};

export const projectKeys: KeyTable = {
  ...features, ...limits, ...restrictions, ...projectImageKeys, "backups.compression_algorithm": backupCompression,
  "user.*": { type: { kind: "text" }, description: "Anything of yours" },
};

/** What a project has of its own. */
export const projectFeatures = ["images", "networks", "profiles", "storage.volumes"] as const;
export type ProjectFeature = (typeof projectFeatures)[number];
