// The devices of one instance, all together: made ready for a start, changed while it runs, and freed after its end.
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";
import { explain, log } from "../log.ts";
import type { Line } from "../lxc/render-config.ts";
import { type Undo, withUndo } from "../undo.ts";
import type { DeviceCall, DeviceParts, DeviceType, Guest } from "./device.ts";
import { typeOf } from "./registry.ts";

export interface Prepared {
  /** Lines for lxc.conf. */
  lines: Line[];
  nics: (readonly Line[])[];
  started: (guest: Guest) => Promise<void>;
}

/** Disks come by their paths, so that mounts lie within mounts; everything else by its name. */
export function sortCalls(calls: readonly DeviceCall[]): DeviceCall[] {
  const key = ({ options, name }: DeviceCall) => `${options["type"] === "disk" ? 0 : 1} ${options["type"] === "disk" ? (options["path"] ?? "") : ""} ${name}`;
  return [...calls].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function typeOfCall(call: DeviceCall): DeviceType {
  const type = typeOf(call.options);
  if (!type) throw fail("invalid_device", { device: call.name, reason: `there is no device type "${call.options["type"]}"` });
  return type;
}

/** Makes all devices ready on the host; what the first that fails leaves behind is pushed to `undo`. */
export async function prepareDevices(calls: readonly DeviceCall[], undo: Undo): Promise<Prepared> {
  const parts: DeviceParts[] = [];
  for (const call of calls) {
    const type = typeOfCall(call);
    undo.push(() => type.release?.(call));
    parts.push((await type.prepare?.(call, undo)) ?? {});
  }
  return {
    lines: parts.flatMap(({ lines }) => lines ?? []),
    nics: parts.flatMap(({ nic }) => (nic ? [nic] : [])),
    started: async (guest) => {
      for (const { started } of parts) await started?.(guest);
      await settleDevices(calls, calls, guest);
    },
  };
}

/** Whether a device has the same options, in whatever order. */
export const isSameDevice = (a: Config, b: Config | undefined) => b !== undefined && JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());

/** Makes a change of the devices hold for a running guest. What is pushed to `undo` takes it back. */
export async function changeDevices(before: readonly DeviceCall[], after: readonly DeviceCall[], guest: Guest, undo: Undo): Promise<void> {
  const next = new Map(after.map((call) => [call.name, call]));
  const previous = new Map(before.map((call) => [call.name, call]));
  const renewed = new Set<string>();
  undo.push(() => settleDevices(after, before, guest)); // the last to be taken back
  for (const call of after) {
    const old = previous.get(call.name);
    if (!old || isSameDevice(old.options, call.options)) continue;
    if (old.options["type"] === call.options["type"] && (await changeInPlace(old, call, guest, undo))) continue;
    renewed.add(call.name);
  }
  for (const call of [...before].reverse()) {
    if (!next.has(call.name) || renewed.has(call.name)) await takeOut(call, guest, undo);
  }
  for (const call of after) {
    if (!previous.has(call.name) || renewed.has(call.name)) await plugIn(call, guest, undo);
  }
  await settleDevices(before, after, guest);
}

/** Lets each type see to what its devices have in common. */
async function settleDevices(before: readonly DeviceCall[], calls: readonly DeviceCall[], guest: Guest): Promise<void> {
  const types = new Set([...before, ...calls].map(typeOfCall));
  for (const type of types) await type.settled?.(calls.filter((call) => typeOfCall(call) === type), guest);
}

async function changeInPlace(old: DeviceCall, call: DeviceCall, guest: Guest, undo: Undo): Promise<boolean> {
  const type = typeOfCall(call);
  if (!type.change) return !type.detach && !type.attach; // nothing to do: it holds from the next start
  undo.push(() => type.change?.(old, call.options, guest));
  return type.change(call, old.options, guest);
}

async function takeOut(call: DeviceCall, guest: Guest, undo: Undo): Promise<void> {
  const type = typeOfCall(call);
  await type.detach?.(call, guest);
  undo.push(() => withUndo(async (own) => type.attach?.(call, guest, own)));
  if (type.detach) await type.release?.(call);
}

async function plugIn(call: DeviceCall, guest: Guest, undo: Undo): Promise<void> {
  const type = typeOfCall(call);
  if (!type.attach) return;
  undo.push(async () => {
    await type.detach?.(call, guest);
    await type.release?.(call);
  });
  await type.attach(call, guest, undo);
}

/** Runs a step for each device; one that fails does not keep the others from theirs. */
export async function forEachDevice(calls: readonly DeviceCall[], what: string, step: (type: DeviceType, call: DeviceCall) => unknown): Promise<void> {
  for (const call of calls) {
    const type = typeOf(call.options);
    try {
      if (type) await step(type, call);
    } catch (error) {
      log.warn(`a device could not be ${what}`, { instance: call.instance.systemName, device: call.name, error: explain(error) });
    }
  }
}
