// Ids that belong to one container: a range that no other has, and single ids of the host's put into its map
// (`raw.idmap`). Pure.
import { fail } from "../api/errors.ts";
import type { IdMap, IdRange } from "../host/user-namespace.ts";

/** Ids of the host, `count` from `from` on. */
export interface Span {
  from: number;
  count: number;
}

export function overlaps(a: Span, b: Span): boolean {
  return a.from < b.from + b.count && b.from < a.from + a.count;
}

export function within(inner: Span, outer: Span): boolean {
  return inner.from >= outer.from && inner.from + inner.count <= outer.from + outer.count;
}

/** Where the first gap of `count` ids begins in `area`; undefined when there is none. */
export function findGap(area: Span, taken: readonly Span[], count: number): number | undefined {
  let from = area.from;
  for (const span of [...taken].sort((a, b) => a.from - b.from)) {
    if (overlaps(span, { from, count })) from = span.from + span.count;
  }
  return within({ from, count }, area) ? from : undefined;
}

/** A map of `count` ids from the host's `base` on; group ids lie as far into root's group ids as user ids into its user ids. */
export function ownMap(host: IdMap, base: number, count: number): IdMap {
  const shift = (host.gid[0]?.outside ?? 0) - (host.uid[0]?.outside ?? 0);
  return { uid: [{ inside: 0, outside: base, count }], gid: [{ inside: 0, outside: base + shift, count }] };
}

interface RawEntry extends IdRange {
  kind: "both" | "uid" | "gid";
}

/** The lines of `raw.idmap`, which were checked when it was set: `both|uid|gid HOST[-HOST] GUEST[-GUEST]`. */
export function parseRawIdMap(text: string): RawEntry[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
    const [kind = "", host = "", guest = ""] = line.split(/\s+/);
    const [from = 0, to = from] = host.split("-").map(Number);
    return { kind: kind as RawEntry["kind"], inside: Number(guest.split("-")[0]), outside: from, count: to - from + 1 };
  });
}

/** A map with ids of the host's put into it. Throws `invalid_config_value` when two of its ids would be the same. */
export function withRawIds(map: IdMap, raw: string): IdMap {
  const result = { uid: [...map.uid], gid: [...map.gid] };
  for (const entry of parseRawIdMap(raw)) {
    for (const kind of ["uid", "gid"] as const) {
      if (entry.kind === "both" || entry.kind === kind) result[kind] = punch(result[kind], entry, kind);
    }
  }
  for (const ranges of [result.uid, result.gid]) {
    if (ranges.length > mostRanges) throw wrong(`more than ${mostRanges} ranges of ids`);
  }
  return result;
}

/** So many the kernel takes. */
const mostRanges = 340;

const wrong = (reason: string) => fail("invalid_config_value", { key: "raw.idmap", reason });

/** The guest's ids of `entry` become those of the host it names; the ids around it stay what they are. */
function punch(ranges: readonly IdRange[], { inside, outside, count }: IdRange, kind: string): IdRange[] {
  const parts = ranges.flatMap((range) => cut(range, inside, count));
  const clash = parts.find((range) => overlaps({ from: range.outside, count: range.count }, { from: outside, count }));
  if (clash) throw wrong(`Host id is in the range of subids: ${kind} ${Math.max(outside, clash.outside)} is in the instance's map already`);
  return [...parts, { inside, outside, count }].sort((a, b) => a.inside - b.inside);
}

/** What is left of a range without `count` of the guest's ids from `from` on. */
function cut(range: IdRange, from: number, count: number): IdRange[] {
  const end = range.inside + range.count;
  const before = Math.min(Math.max(from - range.inside, 0), range.count);
  const after = Math.min(Math.max(end - (from + count), 0), range.count);
  if (before + after >= range.count) return [range];
  return [
    { ...range, count: before },
    { inside: end - after, outside: range.outside + range.count - after, count: after },
  ].filter((part) => part.count > 0);
}
