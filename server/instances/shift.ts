// A stopped instance whose map has changed takes the new one at its start. The files of an overlay show themselves with
// the new ids at once; those of a copy have the host's ids as owners, and are written anew.
import { isTrue } from "../api/config-keys/key.ts";
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import type { IdMap } from "../host/user-namespace.ts";
import { formatIdMap, noMap, parseIdMap } from "../lxc/idmap.ts";
import type { Layer } from "./config.ts";
import { chooseIdMap } from "./idmap.ts";
import { type InstanceRecord, volumeOf } from "./store.ts";

/** Notes the ids that the files of a new volume have on the disk: `[]` where they are the guest's own. */
export function rememberDiskMap(instance: Pick<InstanceRecord, "volume" | "config">): void {
  const isShifted = instance.volume.kind !== "overlay";
  instance.config["volatile.last_state.idmap"] = isShifted ? (instance.config["volatile.idmap.current"] ?? "[]") : "[]";
}

/** The map by which the owners of files are shifted on the disk, of an instance or a snapshot with this configuration. */
export function diskMap(config: Config): IdMap {
  return parseIdMap(config["volatile.last_state.idmap"]) ?? noMap;
}

/** Makes the map that is due hold for the instance's files, and gives it; the caller is about to start it. Throws `shift_protected`. */
export async function takeIdMap(ctx: Context, instance: InstanceRecord, expanded: Layer): Promise<IdMap> {
  const map = chooseIdMap(ctx, instance, expanded);
  const text = formatIdMap(map);
  const driver = ctx.pools.driver(instance.pool);
  if (instance.volume.kind !== "overlay" && instance.config["volatile.last_state.idmap"] !== text) {
    if (isTrue(expanded.config["security.protection.shift"])) throw fail("shift_protected", { name: instance.name });
    ctx.instances.save(instance); // others leave these ids alone from now on
    await driver.shift(volumeOf(instance), parseIdMap(instance.config["volatile.last_state.idmap"]) ?? map, map);
    instance.config["volatile.last_state.idmap"] = text;
  }
  if (instance.config["volatile.idmap.current"] !== text) {
    instance.config["volatile.idmap.current"] = text;
    ctx.instances.save(instance); // before its files can be seen through the new map
  }
  await driver.ensureMounted(volumeOf(instance), map);
  return map;
}
