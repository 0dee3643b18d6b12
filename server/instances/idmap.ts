// Which host ids an instance's ids are.
import type { IdMap } from "../host/user-namespace.ts";
import { readIdMap } from "../lxc/idmap.ts";
import type { Layer } from "./config.ts";
import type { InstanceRecord } from "./store.ts";

/** The map that holds for an instance from its next start on. Throws `no_idmap`. */
export function nextIdMap(_instance: Pick<InstanceRecord, "id">, _expanded: Layer): IdMap {
  return readIdMap();
}

/** The map of a running instance, and of one whose files are looked at. */
export function currentIdMap(_instance: Pick<InstanceRecord, "config">): IdMap {
  return readIdMap();
}
