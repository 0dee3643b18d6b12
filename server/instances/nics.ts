// The network interfaces of an instance: what its devices say, and what Berth remembers of them.
import { randomBytes } from "node:crypto";
import type { Config, DeviceMap } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { systemNameOf, type InstanceRecord } from "./store.ts";
import type { Nic } from "../lxc/render-config.ts";
import type { Layer } from "./config.ts";

/** A MAC address of the range that containers have. */
function makeMac(): string {
  return `00:16:3e:${randomBytes(3).toString("hex").replace(/..(?=.)/g, "$&:")}`;
}

function nicDevices(devices: DeviceMap): [string, Config][] {
  return Object.entries(devices).filter(([, device]) => device["type"] === "nic").sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Volatile keys with a MAC address for each nic that was given none. */
export function assignMacs(devices: DeviceMap, volatile: Config): Config {
  const assigned: Config = {};
  for (const [name, device] of nicDevices(devices)) {
    const key = `volatile.${name}.hwaddr`;
    if (!device["hwaddr"] && !volatile[key]) assigned[key] = makeMac();
  }
  return assigned;
}

/** The volatile keys that hold a start's choices, such as the host's ends of the nics. */
export function assignHostNames(devices: DeviceMap): Config {
  return Object.fromEntries(nicDevices(devices).map(([name, device]) =>
    [`volatile.${name}.host_name`, device["host_name"] || `veth${randomBytes(4).toString("hex")}`]));
}

/** The same keys, from the configuration that a container was started with. */
export function readHostNames(devices: DeviceMap, lxcConfig: string): Config {
  return Object.fromEntries(nicDevices(devices).flatMap(([name], index) => {
    const hostName = new RegExp(`^lxc\\.net\\.${index}\\.veth\\.pair = (.+)$`, "m").exec(lxcConfig)?.[1];
    return hostName ? [[`volatile.${name}.host_name`, hostName]] : [];
  }));
}

function macOf(name: string, device: Config, config: Config): string {
  return (device["hwaddr"] || config[`volatile.${name}.hwaddr`] || "").toLowerCase();
}

/** The nics as liblxc is to make them. */
export function renderNics(ctx: Context, expanded: Layer): Nic[] {
  return nicDevices(expanded.devices).map(([name, device], index) => {
    const bridge = device["network"] || device["parent"] || "";
    const mtu = device["mtu"] || ctx.networks.find(bridge)?.config["bridge.mtu"];
    return {
      name: device["name"] || `eth${index}`, bridge, hostName: expanded.config[`volatile.${name}.host_name`] ?? "",
      mac: macOf(name, device, expanded.config), mtu: mtu ? Number(mtu) : undefined,
    };
  });
}

/** Tells the networks of the instance's interfaces, so that it gets its name and addresses. */
export function announceNics(ctx: Context, instance: InstanceRecord, expanded: Layer): void {
  for (const [name, device] of nicDevices(expanded.devices)) {
    if (!device["network"]) continue;
    ctx.networks.setHost(device["network"], `${systemNameOf(instance)}.${name}`, {
      mac: macOf(name, device, expanded.config), ipv4: device["ipv4.address"], ipv6: device["ipv6.address"],
      name: instance.project === "default" ? instance.name : `${instance.name}.${instance.project}`,
    });
  }
}

/** The networks forget the instance. */
export async function withdrawNics(ctx: Context, instance: InstanceRecord, expanded: Layer): Promise<void> {
  for (const [name, device] of nicDevices(expanded.devices)) {
    if (device["network"]) await ctx.networks.removeHost(device["network"], `${systemNameOf(instance)}.${name}`);
  }
}
