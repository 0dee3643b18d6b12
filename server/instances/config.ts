// Checking the configuration and devices that instances and profiles are given.
import { BlockList, isIP } from "node:net";
import { fail } from "../api/errors.ts";
import { instanceKeys, laterInstanceKeys } from "../api/config-keys/instance.ts";
import { checkConfig, findKey, parseSize } from "../api/config-keys/key.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";

/** Checks the keys and values; gives them without the empty ones. `previous` is what it replaces. */
export function checkInstanceConfig(config: Config, previous: Config = {}): Config {
  for (const [key, value] of Object.entries(config)) {
    if (value === "" || findKey(instanceKeys, key)) continue;
    if (isLater(key) && !/^(false|no|off|0)$/i.test(value)) throw fail("config_key_unsupported", { key });
  }
  const known = Object.fromEntries(Object.entries(config).filter(([key]) => findKey(instanceKeys, key) || !isLater(key)));
  return checkConfig(instanceKeys, known, previous);
}

function isLater(key: string): boolean {
  return laterInstanceKeys.some((later) => (later.endsWith(".") ? key.startsWith(later) : key === later));
}

const deviceKeys: Readonly<Record<string, readonly string[]>> = {
  nic: ["name", "network", "nictype", "parent", "hwaddr", "mtu", "host_name", "ipv4.address", "ipv6.address", "boot.priority"],
  disk: ["path", "pool", "source", "size", "boot.priority"],
  none: [],
};

/** What an instance's devices refer to, so that it can be checked. */
export interface DeviceWorld {
  hasNetwork(name: string): boolean;
  hasPool(name: string): boolean;
  /** To check addresses against; undefined when there is no such network. */
  networkConfig?(name: string): Config | undefined;
}

/** Throws `invalid_device`, naming the device and what is wrong with it. */
export function checkDevices(devices: DeviceMap, world: DeviceWorld): DeviceMap {
  for (const [name, device] of Object.entries(devices)) {
    const reason = deviceFault(name, device, world);
    if (reason) throw fail("invalid_device", { device: name, reason });
  }
  return devices;
}

function deviceFault(name: string, device: Config, world: DeviceWorld): string | undefined {
  if (!/^[\w][\w.-]{0,63}$/.test(name)) return "a device's name is at most 64 letters, digits and ._-";
  const type = device["type"] ?? "";
  const keys = deviceKeys[type];
  if (type === "") return "missing device type";
  if (!keys) return `devices of type "${type}" are not supported by Berth yet`;
  const strange = Object.keys(device).find((key) => key !== "type" && device[key] !== "" && !keys.includes(key) && !key.startsWith("user."));
  if (strange && type !== "none") return `"${strange}" is not an option of a device of type "${type}" (known: ${keys.join(", ")})`;
  if (Object.values(device).some((value) => /[\0\n\r]/.test(value))) return "a value may not hold a line break";
  if (type === "nic") return nicFault(device, world);
  return type === "disk" ? diskFault(device, world) : undefined;
}

function nicFault(device: Config, world: DeviceWorld): string | undefined {
  const { network, nictype, parent, name, hwaddr, mtu, host_name: hostName } = device;
  if (network && (nictype || parent)) return '"network" cannot be combined with "nictype" or "parent"';
  if (!network && nictype !== "bridged") return nictype ? `nictype "${nictype}" is not supported by Berth yet` : 'it needs "network" or "nictype"';
  if (!network && !parent) return 'a bridged nic needs "parent"';
  if (network && !world.hasNetwork(network)) return `network "${network}" was not found`;
  for (const interfaceName of [name, hostName, parent]) {
    if (interfaceName && !/^[\w.-]{1,15}$/.test(interfaceName)) return `"${interfaceName}" is no interface name (15 letters, digits and ._- at most)`;
  }
  if (hwaddr && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(hwaddr)) return `"${hwaddr}" is no MAC address`;
  if (mtu && !(/^\d{2,5}$/.test(mtu) && Number(mtu) >= 68 && Number(mtu) <= 65535)) return `"${mtu}" is no MTU`;
  return addressFault(device, world);
}

function addressFault(device: Config, world: DeviceWorld): string | undefined {
  const network = device["network"] ?? "";
  for (const [version, family] of [[4, "ipv4"], [6, "ipv6"]] as const) {
    const address = device[`${family}.address`];
    if (!address) continue;
    if (isIP(address) !== version) return `"${address}" is no IPv${version} address`;
    const config = world.networkConfig?.(network);
    const [own = "", prefix] = config?.[`${family}.address`]?.split("/") ?? [];
    const subnet = new BlockList();
    if (prefix) subnet.addSubnet(own, Number(prefix), family);
    if (config && !subnet.check(address, family)) return `Device IP address "${address}" not within network "${network}" subnet`;
  }
  return undefined;
}

function diskFault(device: Config, world: DeviceWorld): string | undefined {
  if (device["path"] !== "/") return "disks other than the root disk are not supported by Berth yet";
  if (device["source"]) return 'a root disk cannot have "source"';
  if (!device["pool"]) return 'a root disk needs "pool"';
  if (!world.hasPool(device["pool"])) return `storage pool "${device["pool"]}" was not found`;
  if (device["size"] && parseSize(device["size"]) === undefined) return `"${device["size"]}" is no size`;
  return undefined;
}

/** The root disk among some devices. */
export function findRootDisk(devices: DeviceMap): { name: string; pool: string } | undefined {
  for (const [name, device] of Object.entries(devices)) {
    if (device["type"] === "disk" && device["path"] === "/" && device["pool"]) return { name, pool: device["pool"] };
  }
  return undefined;
}

export interface Layer {
  config: Config;
  devices: DeviceMap;
}

/** The configuration that holds: each profile over the one before, the instance's own over all. */
export function expand(profiles: readonly Layer[], own: Layer): Layer {
  const layers = [...profiles, own];
  const devices: DeviceMap = {};
  for (const layer of layers) Object.assign(devices, layer.devices);
  return { config: Object.assign({}, ...layers.map((layer) => layer.config)) as Config, devices };
}
