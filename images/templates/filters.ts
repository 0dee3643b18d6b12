// The filters of templates: `value|name:argument`. Each gets its value and argument, and what it may use up.
import type { Budget } from "./budget.ts";
import { templateError } from "./errors.ts";
import { formatGoDate } from "./go-date.ts";
import { isList, isMap, isTrue, sizeOf, type TemplateValue, toNumber, toText } from "./values.ts";

interface FilterContext {
  budget: Budget;
  line: number;
}

type Filter = (value: TemplateValue, argument: TemplateValue, context: FilterContext) => TemplateValue;

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;" };

/** Escapes for HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function splitPair(argument: TemplateValue): [string, string] {
  const text = toText(argument);
  const comma = text.indexOf(",");
  return comma < 0 ? [text, ""] : [text.slice(0, comma), text.slice(comma + 1)];
}

function replaceAll(value: TemplateValue, from: string, to: string, { budget, line }: FilterContext): string {
  const parts = from === "" ? [toText(value)] : toText(value).split(from);
  budget.assertLength(line, sizeOf(toText(value)) + (parts.length - 1) * to.length);
  return parts.join(to);
}

function join(value: TemplateValue, argument: TemplateValue, { budget, line }: FilterContext): TemplateValue {
  if (!isList(value)) return toText(value);
  const parts = value.map(toText);
  budget.assertLength(line, parts.reduce((sum, part) => sum + part.length + toText(argument).length, 0));
  return parts.join(toText(argument));
}

/** "from:to", either may be missing or count from the end. */
function slice(value: TemplateValue, argument: TemplateValue, { line }: FilterContext): TemplateValue {
  const found = /^(-?\d*):(-?\d*)$/.exec(toText(argument));
  if (!found) throw templateError(line, "the filter \"slice\" needs \"from:to\"");
  const [from, to] = [found[1] ? Number(found[1]) : 0, found[2] ? Number(found[2]) : undefined];
  return isList(value) ? value.slice(from, to) : toText(value).slice(from, to);
}

function yesno(value: TemplateValue, argument: TemplateValue): string {
  const [yes = "yes", no = "no", maybe = no] = toText(argument) === "" ? ["yes", "no", "maybe"] : toText(argument).split(",");
  return value === undefined || value === null ? maybe : isTrue(value) ? yes : no;
}

function truncate(value: TemplateValue, argument: TemplateValue): string {
  const length = Math.trunc(toNumber(argument)) || 0;
  const text = toText(value);
  if (text.length <= length) return text;
  return length >= 3 ? `${text.slice(0, length - 3)}...` : text.slice(0, Math.max(0, length));
}

function formatDate(value: TemplateValue, argument: TemplateValue, { line }: FilterContext): string {
  if (!(value instanceof Date)) throw templateError(line, "the filter \"date\" needs a date");
  return formatGoDate(value, toText(argument));
}

function add(value: TemplateValue, argument: TemplateValue): TemplateValue {
  if (typeof value === "number" && typeof argument === "number") return value + argument;
  return toText(value) + toText(argument);
}

const first: Filter = (value) => isList(value) ? value[0] : toText(value).slice(0, 1);
const last: Filter = (value) => isList(value) ? value.at(-1) : toText(value).slice(-1);
const capitalize = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

const filters: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ["default", (value, argument) => isTrue(value) ? value : argument],
  ["default_if_none", (value, argument) => value ?? argument],
  ["lower", (value) => toText(value).toLowerCase()],
  ["upper", (value) => toText(value).toUpperCase()],
  ["title", (value) => toText(value).toLowerCase().replace(/[^\s]+/g, capitalize)],
  ["capfirst", (value) => capitalize(toText(value))],
  ["trim", (value) => toText(value).trim()],
  ["length", (value) => isMap(value) || isList(value) ? sizeOf(value) : [...toText(value)].length],
  ["join", join],
  ["split", (value, argument) => toText(value).split(toText(argument))],
  ["replace", (value, argument, context) => replaceAll(value, ...splitPair(argument), context)],
  ["cut", (value, argument, context) => replaceAll(value, toText(argument), "", context)],
  ["add", add],
  ["first", first],
  ["last", last],
  ["slice", slice],
  ["truncatechars", truncate],
  ["yesno", yesno],
  ["date", formatDate],
  ["safe", (value) => value],
  ["escape", (value) => escapeHtml(toText(value))],
]);

export function isFilter(name: string): boolean {
  return filters.has(name);
}

/** Applies a filter that exists. Throws `image_broken` when the argument is wrong or the result too long. */
export function applyFilter(name: string, value: TemplateValue, argument: TemplateValue, context: FilterContext): TemplateValue {
  context.budget.charge(context.line, sizeOf(value) * 4 + sizeOf(argument));
  const result = filters.get(name)?.(value, argument, context);
  context.budget.assertLength(context.line, typeof result === "string" ? result.length : 0);
  return result;
}
