// From an instance to its devices, and back: what they want remembered.
import type { DeviceMap } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import type { DeviceCall } from "../devices/device.ts";
import { explain, log } from "../log.ts";
import { forEachDevice, isSameDevice, sortCalls } from "../devices/plan.ts";
import { typeOf } from "../devices/registry.ts";
import type { IdMap } from "../host/user-namespace.ts";
import { diskFolders } from "../projects/restrictions.ts";
import { defaultProject } from "../projects/store.ts";
import type { Layer } from "./config.ts";
import { expandInstance } from "./expanded.ts";
import { currentIdMap } from "./idmap.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";

/** The devices that hold for an instance. */
export function devicesOf(ctx: Context, instance: InstanceRecord, expanded: Layer, map: IdMap = currentIdMap(instance)): DeviceCall[] {
  const systemName = systemNameOf(instance);
  const about = {
    systemName, hostname: instance.project === defaultProject ? instance.name : `${instance.name}.${instance.project}`, config: expanded.config,
    rootfs: `${ctx.pools.driver(instance.pool).folder(systemName)}/rootfs`,
    sourceFolders: diskFolders(ctx.projects.get(instance.project)),
    later: laterFor(ctx, instance),
  };
  const all: DeviceCall[] = [];
  for (const [name, options] of Object.entries(expanded.devices)) {
    all.push({ host: ctx, name, options, volatile: volatileOf(name, instance.config), instance: about, map, all });
  }
  all.splice(0, all.length, ...sortCalls(all));
  return all;
}

function laterFor(ctx: Context, { project, name }: InstanceRecord): DeviceCall["instance"]["later"] {
  const systemName = systemNameOf({ project, name });
  return (device, work) => void ctx.locks.run(systemName, async () => {
    const instance = ctx.instances.find(project, name);
    const guest = ctx.runtime.get(systemName);
    if (!instance || !guest) return;
    const call = devicesOf(ctx, instance, expandInstance(ctx, instance)).find((one) => one.name === device);
    if (call) await work(call, guest);
  }).catch((error) => log.warn("a device did not follow a change of the host's", { instance: name, device, error: explain(error) }));
}

function volatileOf(device: string, config: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = `volatile.${device}.`;
  return Object.fromEntries(Object.entries(config).flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [])));
}

/** Looks for what devices refer to on the host, where they are not as they were `before`. Throws what is missing. */
export function findReferences(ctx: Context, project: string, devices: DeviceMap, before: DeviceMap = {}): void {
  const sourceFolders = diskFolders(ctx.projects.get(project));
  for (const [name, options] of Object.entries(devices)) {
    if (!isSameDevice(options, before[name])) typeOf(options)?.find?.({ name, options, instance: { sourceFolders } });
  }
}

/** Writes what the devices want remembered into the instance's configuration, in place of what they wanted before. */
export function keepVolatile(instance: InstanceRecord, calls: readonly DeviceCall[]): void {
  for (const { name, volatile } of calls) {
    forgetDevice(instance, name);
    for (const [key, value] of Object.entries(volatile)) instance.config[`volatile.${name}.${key}`] = value;
  }
}

/** Forgets what a device wanted remembered. */
export function forgetDevice(instance: InstanceRecord, device: string): void {
  for (const key of Object.keys(instance.config)) {
    if (key.startsWith(`volatile.${device}.`)) delete instance.config[key];
  }
}

/** Lets new devices choose what they keep; gives them. */
export function rememberDevices(ctx: Context, instance: InstanceRecord, expanded: Layer): DeviceCall[] {
  const calls = devicesOf(ctx, instance, expanded);
  for (const call of calls) typeOf(call.options)?.remember?.(call);
  keepVolatile(instance, calls);
  return calls;
}

/** Networks learn of the instance's interfaces. */
export function announceDevices(calls: readonly DeviceCall[]): Promise<void> {
  return forEachDevice(calls, "announced", (type, call) => type.announce?.(call));
}

/** Networks forget the instance. */
export function withdrawDevices(calls: readonly DeviceCall[]): Promise<void> {
  return forEachDevice(calls, "withdrawn", (type, call) => type.withdraw?.(call));
}
