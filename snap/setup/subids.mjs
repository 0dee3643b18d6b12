// The ranges of user and group ids that root may give to containers, in /etc/subuid and /etc/subgid.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { StepError } from "./step.mjs";

const wanted = { start: 1_000_000, count: 1_000_000_000 };
const least = 65_536;
const highest = 2 ** 31 - 2;

/** The entries of such a file: whose, first id, how many. */
export function parseRanges(text) {
  return text
    .split("\n")
    .map((line) => /^([^:#]+):(\d+):(\d+)$/.exec(line.trim()))
    .filter(Boolean)
    .map(([, owner, start, count]) => ({ owner, start: Number(start), count: Number(count) }));
}

/** A range for root that overlaps nobody's; undefined when it has one already. */
export function freeRange(ranges) {
  const isRoot = ({ owner }) => owner === "root" || owner === "0";
  if (ranges.some((range) => isRoot(range) && range.count >= least)) return undefined;
  const overlaps = (range) => range.start < wanted.start + wanted.count && range.start + range.count > wanted.start;
  const clash = ranges.filter((range) => !isRoot(range) && overlaps(range));
  if (clash.length === 0) return wanted;
  const end = Math.max(...clash.map((range) => range.start + range.count));
  const start = Math.ceil(end / least) * least;
  return { start, count: Math.min(wanted.count, highest - start) };
}

/** Adds root's range where it is missing. Says what it did. */
export function ensureSubids() {
  const done = [];
  for (const file of ["/etc/subuid", "/etc/subgid"]) {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    const range = freeRange(parseRanges(text));
    if (!range) continue;
    if (range.count < least) throw new StepError(`${file} has no 65536 ids left for root`, `give root a range there: root:START:65536`);
    const line = `root:${range.start}:${range.count}`;
    appendFileSync(file, `${text && !text.endsWith("\n") ? "\n" : ""}${line}\n`, { mode: 0o644 });
    done.push(`${line} added to ${file}`);
  }
  return done.join(", ") || "root has its ranges";
}
