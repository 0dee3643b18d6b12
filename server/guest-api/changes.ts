// What of a change to an instance its guest is told. Pure.
import type { Config } from "../api/schemas.ts";
import type { Layer } from "../instances/config.ts";

export interface GuestChange {
  type: "config" | "device";
  metadata: Record<string, unknown>;
}

/** Whether a guest may read a key of its configuration. */
export function isForGuests(key: string): boolean {
  return key.startsWith("user.") || key.startsWith("cloud-init.");
}

/** From what held before to what holds now. */
export function changesFor(before: Layer, after: Layer): GuestChange[] {
  return [...configChanges(before.config, after.config), ...deviceChanges(before, after)];
}

const keysOf = (...maps: readonly object[]) => [...new Set(maps.flatMap(Object.keys))].sort();

function configChanges(before: Config, after: Config): GuestChange[] {
  const changed = keysOf(before, after).filter((key) => isForGuests(key) && (before[key] ?? "") !== (after[key] ?? ""));
  return changed.map((key) => ({ type: "config", metadata: { key, old_value: before[key] ?? "", value: after[key] ?? "" } }));
}

const asText = (options: Config) => JSON.stringify(Object.entries(options).sort());

function deviceChanges(before: Layer, after: Layer): GuestChange[] {
  return keysOf(before.devices, after.devices).flatMap((name): GuestChange[] => {
    const [old, now] = [before.devices[name], after.devices[name]];
    if (old && now && asText(old) === asText(now)) return [];
    const action = !old ? "added" : now ? "updated" : "removed";
    return [{ type: "device", metadata: { name, action, config: now ?? old } }];
  });
}
