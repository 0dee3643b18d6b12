// The values of the template language and what can be done with them. Properties are looked up among a
// value's own only, and only in plain maps and lists: nothing of JavaScript shows through.

export type Scalar = string | number | boolean | null | undefined;
export type TemplateValue = Scalar | Date | TemplateFunction | readonly TemplateValue[] | TemplateMap;
export interface TemplateMap {
  readonly [key: string]: TemplateValue;
}

/** A function that templates may call. */
export class TemplateFunction {
  readonly call: (args: readonly TemplateValue[]) => TemplateValue;

  constructor(call: (args: readonly TemplateValue[]) => TemplateValue) {
    this.call = call;
  }
}

export function isMap(value: TemplateValue): value is TemplateMap {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof TemplateFunction);
}

export function isList(value: TemplateValue): value is readonly TemplateValue[] {
  return Array.isArray(value);
}

/** The own entry of a map or list; undefined for everything else. */
export function lookup(value: TemplateValue, key: TemplateValue): TemplateValue {
  if (typeof key !== "string" && typeof key !== "number") return undefined;
  if (isList(value)) return /^\d{1,9}$/.test(String(key)) ? value[Number(key)] : undefined;
  if (isMap(value) && Object.hasOwn(value, key)) return value[key];
  return undefined;
}

export function isTrue(value: TemplateValue): boolean {
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value) && !Number.isNaN(value);
}

/** As pongo2 prints it: True and False, six decimals; maps and functions print nothing. */
export function toText(value: TemplateValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(6);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "" : value.toISOString();
  return "";
}

export function toNumber(value: TemplateValue): number {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.length < 100 && value.trim() !== "" ? Number(value) : Number.NaN;
}

/** Characters or entries. */
export function sizeOf(value: TemplateValue): number {
  if (typeof value === "string" || isList(value)) return value.length;
  return isMap(value) ? Object.keys(value).length : 0;
}

export function areEqual(a: TemplateValue, b: TemplateValue): boolean {
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  return (a ?? undefined) === (b ?? undefined);
}

/** Below, equal, above: -1, 0, 1. Numbers, or what reads as one, by value; other text by characters; else NaN. */
export function compare(a: TemplateValue, b: TemplateValue): number {
  if (a instanceof Date && b instanceof Date) return Math.sign(a.getTime() - b.getTime());
  const difference = toNumber(a) - toNumber(b);
  if (!Number.isNaN(difference)) return Math.sign(difference);
  if (typeof a !== "string" || typeof b !== "string") return Number.NaN;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Part of a text, entry of a list, key of a map. */
export function contains(whole: TemplateValue, part: TemplateValue): boolean {
  if (typeof whole === "string") return typeof part === "string" && whole.includes(part);
  if (isList(whole)) return whole.some((one) => areEqual(one, part));
  return isMap(whole) && typeof part === "string" && Object.hasOwn(whole, part);
}
