// Ids of a guest's as the host has them.
import type { IdRange } from "../host/user-namespace.ts";

/** The host's id for one of the guest's; undefined when the guest has no such id. */
export function toHostId(ranges: readonly IdRange[], id: string | number): number | undefined {
  const inside = Number(id);
  if (ranges.length === 0) return inside; // a privileged guest's ids are the host's
  const range = ranges.find((one) => inside >= one.inside && inside < one.inside + one.count);
  return range && range.outside + inside - range.inside;
}
