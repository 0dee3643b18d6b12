// Which host ids a container gets: root's ranges from /etc/subuid and /etc/subgid.
import { readFileSync } from "node:fs";
import { fail } from "../api/errors.ts";
import { hasCode } from "../host/libc.ts";
import type { IdMap, IdRange } from "../host/user-namespace.ts";

/** The fewest ids a full OS needs. */
const least = 65536;

/** The first range of root's in the text of /etc/subuid or /etc/subgid that is large enough. */
export function parseSubIds(text: string): IdRange | undefined {
  for (const line of text.split("\n")) {
    const [user, start, count] = line.trim().split(":");
    if (user !== "root" && user !== "0") continue;
    const range = { inside: 0, outside: Number(start), count: Number(count) };
    if (Number.isSafeInteger(range.outside) && range.outside >= least && range.count >= least) return range;
  }
  return undefined;
}

function readRange(file: string): IdRange | undefined {
  try {
    return parseSubIds(readFileSync(file, "utf8"));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The map for unprivileged containers. Throws `no_idmap` when root has no ranges. */
export function readIdMap(): IdMap {
  const uid = readRange("/etc/subuid");
  const gid = readRange("/etc/subgid");
  if (!uid || !gid) throw fail("no_idmap", { file: uid ? "/etc/subgid" : "/etc/subuid" });
  return { uid: [uid], gid: [gid] };
}

/** The host ids of a container's root. */
export function rootIds(map: IdMap): { uid: number; gid: number } {
  return { uid: map.uid[0]?.outside ?? 0, gid: map.gid[0]?.outside ?? 0 };
}

/** The map as LXD's volatile keys tell it. */
export function formatIdMap(map: IdMap): string {
  const rows = (ranges: readonly IdRange[], isUid: boolean) =>
    ranges.map((range) => ({ Isuid: isUid, Isgid: !isUid, Hostid: range.outside, Nsid: range.inside, Maprange: range.count }));
  return JSON.stringify([...rows(map.uid, true), ...rows(map.gid, false)]);
}
