// What the values of instances' keys may be, where a simple type does not say it. Each gives what is wrong.
import { parseSize } from "./key.ts";

export function memory(value: string): string | undefined {
  if (/^\d{1,3}%$/.test(value)) return Number.parseInt(value, 10) > 0 && Number.parseInt(value, 10) <= 100 ? undefined : "expected 1% to 100%";
  const size = parseSize(value);
  if (size === undefined) return "expected a size such as 512MiB, or a percentage of the machine's memory";
  return size < 2 ** 20 ? "expected at least 1MiB" : undefined;
}

export function processors(value: string): string | undefined {
  if (/^[1-9]\d{0,3}$/.test(value)) return undefined;
  return /^(\d+-\d+|\d+(-\d+)?(,\d+(-\d+)?)+)$/.test(value) ? undefined : "expected a number of processors, or a set such as 0-3 or 1,2";
}

export function allowance(value: string): string | undefined {
  const percent = /^(\d{1,5})%$/.exec(value);
  if (percent) return Number(percent[1]) > 0 && Number(percent[1]) <= 10_000 ? undefined : "expected at least 1%; 100% is what all have, more is more than others";
  const slice = /^[1-9]\d{0,5}ms\/([1-9]\d{0,3})ms$/.exec(value);
  if (!slice) return "expected a percentage, or a time per period such as 25ms/100ms";
  return Number(slice[1]) > 1000 ? "a period is at most 1000ms" : undefined;
}

/** `soft[:hard]` of a resource limit. */
export function resourceLimit(value: string): string | undefined {
  if (!/^(\d{1,19}|unlimited)(:(\d{1,19}|unlimited))?$/.test(value)) return "expected a number or unlimited, or SOFT:HARD";
  const [soft = 0, hard = soft] = value.split(":").map((part) => (part === "unlimited" ? Number.POSITIVE_INFINITY : Number(part)));
  return soft > hard ? "the soft limit is above the hard one" : undefined;
}

/** A span such as `30S 1M 2H 3d 4w 5m 6y`: seconds, minutes, hours, days, weeks, months, years. */
export function timeSpan(value: string): string | undefined {
  return /^\s*\d{1,6}[SMHdwmy](\s+\d{1,6}[SMHdwmy])*\s*$/.test(value) ? undefined : "expected a span such as 3d, or 1w 12H (S seconds, M minutes, H hours, d days, w weeks, m months, y years)";
}

/** Lines `both|uid|gid HOST[-HOST] GUEST[-GUEST]`. */
export function idMapLines(value: string): string | undefined {
  for (const line of value.split("\n").map((text) => text.trim()).filter(Boolean)) {
    const match = /^(both|uid|gid)\s+(\d{1,10})(?:-(\d{1,10}))?\s+(\d{1,10})(?:-(\d{1,10}))?$/.exec(line);
    if (!match) return `line "${line.slice(0, 60)}": expected "both|uid|gid HOST[-HOST] GUEST[-GUEST]"`;
    const [, , from = "", to = from, inside = "", insideTo = inside] = match;
    const [host, guest] = [Number(to) - Number(from), Number(insideTo) - Number(inside)];
    if (host < 0 || host !== guest) return `line "${line.slice(0, 60)}": the two ranges are not of the same size`;
    if (Math.max(Number(to), Number(insideTo)) > 4294967294) return `line "${line.slice(0, 60)}": ids end at 4294967294`;
  }
  return undefined;
}
