// Checking the devices that instances and profiles are given.
import { fail } from "../api/errors.ts";
import { closest, findKey, wrongValue } from "../api/config-keys/key.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";
import type { DeviceType, DeviceWorld } from "./device.ts";
import { cleanPath } from "./guest-path.ts";
import { deviceTypes, typeOf } from "./registry.ts";

/** Throws `invalid_device`, naming the device and what is wrong with it; gives the devices without what is not set. */
export function checkDevices(devices: DeviceMap, world: DeviceWorld): DeviceMap {
  const checked = Object.fromEntries(Object.entries(devices).map(([name, options]) => {
    const set = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== ""));
    const reason = deviceFault(name, set, world) ?? typeOf(set)?.clash?.(name, set, devices);
    if (reason) throw fail("invalid_device", { device: name, reason });
    return [name, set];
  }));
  const [first, second] = rootDisks(checked);
  if (first && second) throw fail("root_devices", { first: first.name, second: second.name });
  return checked;
}

/** As `checkDevices`, for those that one instance or profile names: two disks at one path are a mistake there, though profiles may bring such. */
export function checkOwnDevices(devices: DeviceMap, world: DeviceWorld): DeviceMap {
  const checked = checkDevices(devices, world);
  const taken = new Set<string>();
  for (const [name, { type, path }] of Object.entries(checked)) {
    if (type !== "disk" || path === undefined) continue;
    if (taken.has(cleanPath(path))) throw fail("invalid_device", { device: name, reason: `More than one disk device uses the same path "${path}"` });
    taken.add(cleanPath(path));
  }
  return checked;
}

/** `volatile.NAME.*` belongs to the device NAME: these are taken by others. */
const reserved = ["cloud-init", "evacuate", "idmap", "last_state"];

function deviceFault(name: string, options: Config, world: DeviceWorld): string | undefined {
  if (!/^[\w][\w.-]{0,63}$/.test(name)) return "a device's name is at most 64 letters, digits and ._-";
  if (reserved.includes(name)) return `"${name}" is a name that Berth keeps its own notes under`;
  if (!options["type"]) return "missing device type";
  const type = typeOf(options);
  if (!type) return `there is no device type "${options["type"]}" (there are: ${Object.keys(deviceTypes).join(", ")})`;
  return optionFault(type, options) ?? type.fault?.(options, world);
}

function optionFault({ options: table }: DeviceType, options: Config): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    if (name === "type" || name.startsWith("user.")) continue;
    if (/[\0\n\r]/.test(value)) return `a value may not hold a line break ("${name}")`;
    const option = findKey(table, name);
    if (!option) return unknownOption(table, name, options["type"] ?? "");
    const reason = wrongValue(option.type, value);
    if (reason) return `"${value.slice(0, 80)}" for "${name}": ${reason}`;
  }
  return undefined;
}

function unknownOption(table: DeviceType["options"], name: string, type: string): string {
  const near = closest(name, Object.keys(table));
  return `"${name}" is not an option of a device of type "${type}"${near ? ` (did you mean "${near}"?)` : ` (known: ${Object.keys(table).join(", ")})`}`;
}

interface RootDisk {
  name: string;
  pool: string;
  size?: string;
}

function rootDisks(devices: DeviceMap): RootDisk[] {
  return Object.entries(devices).flatMap(([name, { type, path, pool, size }]) => (type === "disk" && path === "/" && pool ? [{ name, pool, ...(size ? { size } : {}) }] : []));
}

/** The root disk among some devices. */
export function findRootDisk(devices: DeviceMap): RootDisk | undefined {
  return rootDisks(devices)[0];
}
