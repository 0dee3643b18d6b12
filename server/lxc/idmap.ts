// Which host ids containers get: root's ranges from /etc/subuid and /etc/subgid, the arithmetic of maps, and how LXD
// writes them. A map without ranges is that of a privileged container: its ids are the host's.
import { readFileSync } from "node:fs";
import { BerthError } from "../api/errors.ts";
import { hasCode } from "../host/libc.ts";
import { type IdMap, type IdRange, inUserNamespace, ownIds } from "../host/user-namespace.ts";

/** The fewest ids a full OS needs. */
export const least = 65536;

/** The first range of root's in the text of /etc/subuid or /etc/subgid that is large enough. `known`: the ids there are here. */
export function parseSubIds(text: string, known: readonly IdRange[] = []): IdRange | undefined {
  for (const line of text.split("\n")) {
    const [user, start, count] = line.trim().split(":");
    if (user !== "root" && user !== "0") continue;
    const range = clip({ inside: 0, outside: Number(start), count: Number(count) }, known);
    if (Number.isSafeInteger(range.outside) && range.outside >= least && range.count >= least) return range;
  }
  return undefined;
}

/** In a user namespace there are fewer ids than the files may say. */
function clip(range: IdRange, known: readonly IdRange[]): IdRange {
  const within = known.find(({ inside, count }) => range.outside >= inside && range.outside < inside + count);
  if (known.length === 0) return range;
  return { ...range, count: within ? Math.min(range.count, within.inside + within.count - range.outside) : 0 };
}

/** In a container all ids but those of its own users may be given away, whatever its files say. */
export function spareIds(known: readonly IdRange[]): IdRange | undefined {
  const end = known[0]?.inside === 0 ? known[0].count : 0;
  const from = end >= 1_000_000 + 2 * least ? 1_000_000 : least;
  return end - from >= least ? { inside: 0, outside: from, count: end - from } : undefined;
}

function readRange(file: string, known: readonly IdRange[]): IdRange | undefined {
  let range: IdRange | undefined;
  try {
    range = parseSubIds(readFileSync(file, "utf8"), known);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
  return range ?? (inUserNamespace() ? spareIds(known) : undefined);
}

/** All ids that root may give away. Throws `no_idmap` when there are none. */
export function readHostIds(): IdMap {
  const known = ownIds();
  const uid = readRange("/etc/subuid", known.uid);
  const gid = readRange("/etc/subgid", known.gid);
  if (uid && gid) return { uid: [uid], gid: [gid] };
  const hint = "This container has too few ids to give 65536 of them to one in it: set security.idmap.size to 131072 or more.";
  throw new BerthError("no_idmap", { file: uid ? "/etc/subgid" : "/etc/subuid" }, inUserNamespace() ? { hint } : {});
}

/** The lower half, in whole ranges of 65536: the rest is for instances with ids of their own. */
function shared(range: IdRange): IdRange {
  return { ...range, count: range.count < 2 * least ? range.count : Math.floor(range.count / (2 * least)) * least };
}

/** The map of all instances that have no other. */
export function sharedMap(host: IdMap): IdMap {
  return { uid: host.uid.map(shared), gid: host.gid.map(shared) };
}

/** The map of unprivileged containers that share one. Throws `no_idmap` when root has no ranges. */
export function readIdMap(): IdMap {
  return sharedMap(readHostIds());
}

/** The map of a privileged container. */
export const noMap: IdMap = { uid: [], gid: [] };

export function isPrivileged(map: IdMap): boolean {
  return map.uid.length === 0;
}

/** A guest's id as the host's; undefined when it has none. */
export function hostId(ranges: readonly IdRange[], id: number): number | undefined {
  if (ranges.length === 0) return id;
  const range = ranges.find(({ inside, count }) => id >= inside && id < inside + count);
  return range && id - range.inside + range.outside;
}

/** A host's id as the guest's; undefined when it has none. */
export function guestId(ranges: readonly IdRange[], id: number): number | undefined {
  if (ranges.length === 0) return id;
  const range = ranges.find(({ outside, count }) => id >= outside && id < outside + count);
  return range && id - range.outside + range.inside;
}

/** The host ids of a container's root. */
export function rootIds(map: IdMap): { uid: number; gid: number } {
  return { uid: hostId(map.uid, 0) ?? 0, gid: hostId(map.gid, 0) ?? 0 };
}

/** The map as LXD's volatile keys tell it. */
export function formatIdMap(map: IdMap): string {
  const rows = (ranges: readonly IdRange[], isUid: boolean) =>
    ranges.map((range) => ({ Isuid: isUid, Isgid: !isUid, Hostid: range.outside, Nsid: range.inside, Maprange: range.count }));
  return JSON.stringify([...rows(map.uid, true), ...rows(map.gid, false)]);
}

interface Row {
  Isuid: boolean;
  Isgid: boolean;
  Hostid: number;
  Nsid: number;
  Maprange: number;
}

/** The map in a volatile key; undefined when it holds none. */
export function parseIdMap(text: string | undefined): IdMap | undefined {
  if (!text) return undefined;
  const rows = JSON.parse(text) as Row[];
  const ranges = (wanted: "Isuid" | "Isgid") =>
    rows.filter((row) => row[wanted]).map(({ Nsid, Hostid, Maprange }) => ({ inside: Nsid, outside: Hostid, count: Maprange }));
  return { uid: ranges("Isuid"), gid: ranges("Isgid") };
}
