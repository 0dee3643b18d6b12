// Which host ids an instance's ids are. The map that holds from its next start on is kept in `volatile.idmap.next`,
// beside the first id of a range of its own (`volatile.idmap.base`, 0 when it shares one); the map that it
// runs with, or that its files are seen through while it is stopped, in `volatile.idmap.current`.
import { isTrue } from "../api/config-keys/key.ts";
import { fail } from "../api/errors.ts";
import type { Context } from "../context.ts";
import type { IdMap, IdRange } from "../host/user-namespace.ts";
import { formatIdMap, least, noMap, parseIdMap, readHostIds, readIdMap, sharedMap } from "../lxc/idmap.ts";
import { findGap, ownMap, overlaps, type Span, within, withRawIds } from "../lxc/own-ids.ts";
import type { Layer } from "./config.ts";
import { type InstanceRecord, phases } from "./store.ts";

const spanOf = ({ outside, count }: IdRange): Span => ({ from: outside, count });

/** Chooses the map that holds from the next start on, and notes it in the instance's configuration; the caller saves it in the same tick. */
export function chooseIdMap(ctx: Context, instance: InstanceRecord, expanded: Layer): IdMap {
  const base = isOwn(expanded) ? chooseBase(ctx, instance, expanded) : 0;
  const map = mapOf(expanded, base);
  Object.assign(instance.config, { "volatile.idmap.base": String(base), "volatile.idmap.next": formatIdMap(map) });
  return map;
}

/** The map of a running instance, and the one that a stopped instance's files are seen through. */
export function currentIdMap(instance: Pick<InstanceRecord, "config">): IdMap {
  return parseIdMap(instance.config["volatile.idmap.current"]) ?? readIdMap();
}

function isOwn({ config }: Layer): boolean {
  return isTrue(config["security.idmap.isolated"]) && !isTrue(config["security.privileged"]);
}

const sizeOf = ({ config }: Layer) => Number(config["security.idmap.size"] ?? least);

function mapOf(expanded: Layer, base: number): IdMap {
  if (isTrue(expanded.config["security.privileged"])) return noMap;
  const host = readHostIds();
  const map = base === 0 ? sharedMap(host) : ownMap(host, base, sizeOf(expanded));
  return withRawIds(map, expanded.config["raw.idmap"] ?? "");
}

/** The first id of a range of its own: the one asked for, else the one it has, else the first that is free. */
function chooseBase(ctx: Context, instance: InstanceRecord, expanded: Layer): number {
  const count = sizeOf(expanded);
  const [all, free] = areas();
  const taken = takenSpans(ctx, instance, free);
  const wanted = Number(expanded.config["security.idmap.base"] ?? 0);
  if (wanted > 0) {
    assertFree({ from: wanted, count }, all, taken);
    return wanted;
  }
  const had = { from: Number(instance.config["volatile.idmap.base"] ?? 0), count };
  if (had.from > 0 && within(had, free) && !taken.some((span) => overlaps(span, had))) return had.from;
  const found = findGap(free, taken, count);
  if (found === undefined) throw fail("no_ids_left", { name: instance.name, count });
  return found;
}

/** Root's ids, as many as there are of both kinds, and those of them that no shared map has. */
function areas(): [all: Span, free: Span] {
  const host = readHostIds();
  const shared = sharedMap(host);
  const [uid, gid] = [host.uid[0] as IdRange, host.gid[0] as IdRange];
  const count = Math.min(uid.count, gid.count);
  const skipped = Math.min(Math.max(shared.uid[0]?.count ?? 0, shared.gid[0]?.count ?? 0), count);
  return [{ from: uid.outside, count }, { from: uid.outside + skipped, count: count - skipped }];
}

/** What other instances have or will have: ranges of their own wherever they lie, anything else among the ids that are not shared. */
function takenSpans(ctx: Context, { id }: InstanceRecord, free: Span): Span[] {
  const others = phases.flatMap((phase) => ctx.instances.list(undefined, phase)).filter((other) => other.id !== id);
  return others.flatMap(({ config }) => {
    const spansOf = (key: string) => parseIdMap(config[key])?.uid.map(spanOf) ?? [];
    const [next, current] = [spansOf("volatile.idmap.next"), spansOf("volatile.idmap.current")];
    const own = Number(config["volatile.idmap.base"] ?? 0) > 0 ? next : [];
    return [...own, ...[...next, ...current].filter((span) => overlaps(span, free))];
  });
}

function assertFree(wanted: Span, all: Span, taken: readonly Span[]): void {
  const wrong = (reason: string) => fail("invalid_config_value", { key: "security.idmap.base", reason: `"${wanted.from}": ${reason}` });
  if (!within(wanted, all)) throw wrong(`the ids ${wanted.from} to ${wanted.from + wanted.count - 1} are not all root's (${all.from} to ${all.from + all.count - 1} in /etc/subuid)`);
  const clash = taken.find((span) => overlaps(span, wanted));
  if (clash) throw wrong(`the ids ${clash.from} to ${clash.from + clash.count - 1} are those of another instance`);
}
