// What `snapshots.schedule` may hold: a cron expression, or names for one; several are separated by a comma and a space,
// as a comma alone is a part of cron. Pure; the fields are checked here, and matched by whoever keeps the time.

/** Names for cron expressions; `M` and `H` stand for a minute and an hour of the instance's own, so that not all come at once. */
export const scheduleAliases: Readonly<Record<string, string>> = {
  "@hourly": "M * * * *", "@daily": "M H * * *", "@midnight": "M 0 * * *", "@weekly": "M H * * 0", "@monthly": "M H 1 * *",
  "@annually": "M H 1 1 *", "@yearly": "M H 1 1 *",
};
const events = ["@startup", "@never"];

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

interface Field {
  name: string;
  min: number;
  max: number;
  /** Words for the numbers from `min` on. */
  words?: readonly string[];
}

const fields: readonly Field[] = [
  { name: "minute", min: 0, max: 59 }, { name: "hour", min: 0, max: 23 }, { name: "day of the month", min: 1, max: 31 },
  { name: "month", min: 1, max: 12, words: months }, { name: "day of the week", min: 0, max: 7, words: days },
];

/** The parts of a schedule, aliases in lower case. */
export function splitSchedule(value: string): string[] {
  const parts = /^\s*@/.test(value) && !/,[^\s@]/.test(value) ? value.split(",") : value.split(/,\s+/);
  return parts.map((part) => part.trim().replace(/\s+/g, " ").replace(/^@.*/, (alias) => alias.toLowerCase())).filter(Boolean);
}

/** What is wrong with a schedule. */
export function schedule(value: string): string | undefined {
  const parts = splitSchedule(value);
  if (parts.length === 0) return "expected a cron expression, or a name such as @daily";
  if (parts.includes("@never") && parts.length > 1) return "@never stands alone";
  return parts.map(partFault).find((fault) => fault !== undefined);
}

function partFault(part: string): string | undefined {
  if (part.startsWith("@")) {
    const known = [...Object.keys(scheduleAliases), ...events];
    return known.includes(part) ? undefined : `"${part}" is none of ${known.join(", ")}`;
  }
  const values = part.split(" ");
  if (values.length !== fields.length) return `"${part}" is no cron expression: it has the fields minute, hour, day of the month, month and day of the week`;
  const wrong = fields.find((field, i) => !isField(values[i] ?? "", field));
  return wrong && `the ${wrong.name} of "${part}" is none`;
}

function isField(text: string, field: Field): boolean {
  return text.split(",").every((part) => {
    const [, range = "", step] = /^([^/]+)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    if (range === "" || step === "0" || step === "00") return false;
    if (range === "*") return true;
    const [from, to, ...more] = range.split("-").map((end) => numberOf(end, field));
    if (from === undefined || more.length > 0 || (range.includes("-") && to === undefined)) return false;
    return to === undefined || to >= from;
  });
}

function numberOf(text: string, { min, max, words }: Field): number | undefined {
  const word = words?.indexOf(text.toLowerCase()) ?? -1;
  const number = word >= 0 ? word + min : /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return number >= min && number <= max ? number : undefined;
}
