// Notes on disk of what is plugged into running guests, written before anything is made: a daemon that was killed
// meanwhile has no other trace of it. One file `nic.DEVICE` in the instance's folder of devices.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Config } from "../../api/schemas.ts";
import type { DeviceCall } from "../device.ts";

interface Note {
  options: Config;
  volatile: Config;
}

const fileOf = ({ host, instance, name }: DeviceCall): string => `${host.paths.devices(instance.systemName)}/nic.${name}`;

/** Notes what is about to be made. */
export function notePlug(call: DeviceCall): void {
  const note: Note = { options: call.options, volatile: call.volatile };
  writeFileSync(fileOf(call), JSON.stringify(note), { mode: 0o600 });
}

export function forgetPlug(call: DeviceCall): void {
  rmSync(fileOf(call), { force: true });
}

function readNote(file: string): Note | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Note;
  } catch {
    rmSync(file, { force: true });
    return undefined;
  }
}

/** The nics of notes that no device of the instance's accounts for: plugged in by a daemon that did not live to say so. */
export function unaccounted(calls: readonly DeviceCall[]): DeviceCall[] {
  const [any] = calls;
  const folder = any?.host.paths.devices(any.instance.systemName);
  if (!any || !folder || !existsSync(folder)) return [];
  return readdirSync(folder).filter((file) => file.startsWith("nic.")).flatMap((file) => {
    const name = file.slice("nic.".length);
    const note = readNote(`${folder}/${file}`);
    if (!note) return []; // the daemon ended before it was written, and so before anything was made
    const known = calls.some((call) => call.name === name && call.options["type"] === "nic" && (call.volatile["host_name"] ?? "") === (note.volatile["host_name"] ?? ""));
    return known ? [] : [{ ...any, name, options: note.options, volatile: note.volatile }];
  });
}
