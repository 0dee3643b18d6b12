// What a daemon that was killed left staged for devices: taken out of guests that run, and removed.
import { readdirSync } from "node:fs";
import { hasCode } from "../host/libc.ts";
import { removeTree } from "../host/mounts.ts";
import type { Paths } from "../paths.ts";
import type { DeviceCall, Guest } from "./device.ts";
import { listStaged, nodeFile, unplugPath, unstage } from "./staging.ts";

/** Removes the folders of instances that are not there any more. */
export function sweepFolders(paths: Paths, instances: ReadonlySet<string>): void {
  for (const name of readdirSync(paths.devices(""))) if (!instances.has(name)) removeTree(paths.devices(name));
}

/** Clears an instance's folder of what belongs to none of its devices; of all, when its guest does not run. */
export async function sweepStaged(calls: readonly DeviceCall[], paths: Paths, systemName: string, guest: Guest | undefined): Promise<void> {
  const folder = paths.devices(systemName);
  const devices = new Set(guest ? calls.map(({ name }) => name) : []);
  const staged = listStaged(folder);
  for (const one of staged.filter(({ device }) => !devices.has(device)).reverse()) {
    if (guest) await unplugPath({ name: one.device }, guest, one, false);
    else unstage(one.place);
  }
  removeHalfMade(folder, new Set(staged.map(({ place }) => nodeFile(place))));
}

function removeHalfMade(folder: string, nodes: ReadonlySet<string>): void {
  for (const name of listNames(folder).filter((one) => one.startsWith("."))) {
    if (!nodes.has(`${folder}/${name}`)) removeTree(`${folder}/${name}`);
  }
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}
