// When snapshots expire.
import { fail } from "../../api/errors.ts";
import { zeroTime } from "../../api/schemas.ts";

/** The time of a request's `expires_at`; the zero time means never. Throws `bad_body`. */
export function parseExpiry(text: string): Date | undefined {
  if (text === zeroTime || text === "") return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime()) || !/^\d{4}-\d\d-\d\dT/.test(text)) throw fail("bad_body", { reason: "expires_at is no time as RFC 3339 has it" });
  return time.getTime() <= 0 ? undefined : time;
}

/** The end of a span such as `1w 12H` (`snapshots.expiry`) from a time on; undefined: none is set. */
export function endOfSpan(span: string | undefined, from: Date): Date | undefined {
  if (!span?.trim()) return undefined;
  const end = new Date(from);
  for (const part of span.trim().split(/\s+/)) {
    const count = Number.parseInt(part, 10);
    switch (part.at(-1)) {
      case "S": end.setUTCSeconds(end.getUTCSeconds() + count); break;
      case "M": end.setUTCMinutes(end.getUTCMinutes() + count); break;
      case "H": end.setUTCHours(end.getUTCHours() + count); break;
      case "d": end.setUTCDate(end.getUTCDate() + count); break;
      case "w": end.setUTCDate(end.getUTCDate() + 7 * count); break;
      case "m": end.setUTCMonth(end.getUTCMonth() + count); break;
      case "y": end.setUTCFullYear(end.getUTCFullYear() + count); break;
    }
  }
  return Number.isNaN(end.getTime()) ? undefined : end;
}
