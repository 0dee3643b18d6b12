// What a configuration key is, and the checks that follow from it. Values travel as strings; the type
// says what a string may be. An empty string means "not set".
import { type ErrorCode, fail } from "../errors.ts";
import type { Config } from "../schemas.ts";

export type KeyType =
  | { kind: "string" }
  | { kind: "text" }
  | { kind: "bool" }
  | { kind: "int"; min?: number; max?: number }
  | { kind: "size" }
  | { kind: "enum"; values: readonly string[] }
  | { kind: "check"; name: string; check: (value: string) => string | undefined };

export interface Key {
  readonly type: KeyType;
  readonly description: string;
  /** What is wrong with what stands for the `*` of its name. */
  readonly name?: (rest: string) => string | undefined;
  /** What holds when it is not set. */
  readonly default?: string;
  /** A change reaches what is running at once. */
  readonly live?: true;
  /** Never shown: a client sees `true` when it is set. */
  readonly secret?: true;
  /** Kept by the server: shown, never set by a user. */
  readonly readonly?: true;
}

/** A name ending in `*` covers every key with that prefix. */
export type KeyTable = Readonly<Record<string, Key>>;

const units: Readonly<Record<string, number>> = {
  "": 1, B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15, EB: 1e18,
  KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, PiB: 2 ** 50, EiB: 2 ** 60,
};

/** Bytes of a size such as `512MiB`; undefined when it is none. */
export function parseSize(value: string): number | undefined {
  const match = /^(\d+)\s*([A-Za-z]*)$/.exec(value);
  const name = match?.[2] ?? "";
  return match && Object.hasOwn(units, name) ? Number(match[1]) * (units[name] ?? 1) : undefined;
}

/** Whether a value of a `bool` key means yes. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && ["true", "1", "yes", "on"].includes(value.toLowerCase());
}

/** What is wrong with a value of this type. */
export function wrongValue(type: KeyType, value: string): string | undefined {
  switch (type.kind) {
    case "string":
      return /[\0-\x1f\x7f]/.test(value) ? "it may not hold control characters" : undefined;
    case "text":
      return value.includes("\0") ? "it may not hold NUL" : undefined;
    case "bool":
      return /^(true|false|1|0|yes|no|on|off)$/i.test(value) ? undefined : "expected true or false";
    case "int": {
      if (!/^-?\d{1,15}$/.test(value)) return "expected a whole number";
      const number = Number(value);
      if (type.min !== undefined && number < type.min) return `expected at least ${type.min}`;
      if (type.max !== undefined && number > type.max) return `expected at most ${type.max}`;
      return undefined;
    }
    case "size":
      return parseSize(value) === undefined ? "expected a size such as 512MiB or 2GB" : undefined;
    case "enum":
      return type.values.includes(value) ? undefined : `expected one of ${type.values.join(", ")}`;
    case "check":
      return type.check(value);
  }
}

/** The entry of a key, by name or by prefix. */
export function findKey(table: KeyTable, name: string): Key | undefined {
  return Object.hasOwn(table, name) ? table[name] : table[patternOf(table, name) ?? ""];
}

function patternOf(table: Readonly<Record<string, unknown>>, name: string): string | undefined {
  return Object.keys(table).find((pattern) => pattern.endsWith("*") && name.length > pattern.length - 1 && name.startsWith(pattern.slice(0, -1)));
}

/** What stands for the `*` of the pattern that covers a name. */
function restOf(table: KeyTable, name: string): string {
  return name.slice((patternOf(table, name) ?? "*").length - 1);
}

/** How many single-character edits lie between two words. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The word most like `name`, if one is close enough to be what was meant. */
export function closest(name: string, words: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 4)) + 1;
  for (const word of words) {
    const distance = editDistance(name, word);
    if (distance < least) [best, least] = [word, distance];
  }
  return best;
}

/** Keys there are not, and why: a name ending in `*` covers every key with that prefix. */
export type AbsentKeys = Readonly<Record<string, string>>;

const reasonFor = (absent: AbsentKeys, name: string) => (Object.hasOwn(absent, name) ? absent[name] : absent[patternOf(absent, name) ?? ""]);

function unknown(table: KeyTable, key: string, absent: AbsentKeys): Error {
  const reason = reasonFor(absent, key);
  if (reason) return fail("unknown_config_key", { key, suggestion: ` (${reason})` });
  const near = closest(key, Object.keys(table).filter((name) => !name.endsWith("*") && !table[name]?.readonly));
  return fail("unknown_config_key", { key, suggestion: near ? ` (did you mean "${near}"?)` : "" });
}

/**
 * Checks a configuration a user sent and drops what is not set. Keys kept by the server may come along
 * when they are as they were (`previous`): clients send back what they read. `absent`: keys of LXD's that there are not, and why.
 * Throws `unknown_config_key`, `invalid_config_value`, `readonly_config_key`.
 */
export function checkConfig(table: KeyTable, config: Config, previous: Config = {}, absent: AbsentKeys = {}): Config {
  const checked: Config = {};
  for (const [name, value] of Object.entries(config)) {
    const key = findKey(table, name);
    if (!key && value === "" && reasonFor(absent, name)) continue; // who unsets it has what he wants
    if (!key) throw unknown(table, name, absent);
    if (key.readonly && value !== (previous[name] ?? "")) throw fail("readonly_config_key", { key: name });
    if (value === "") continue;
    const wrongName = key.name?.(restOf(table, name));
    if (wrongName) throw fail("unknown_config_key", { key: name, suggestion: ` (${wrongName})` });
    const reason = wrongValue(key.type, value);
    if (reason) throw fail("invalid_config_value" satisfies ErrorCode, { key: name, reason: `"${value.slice(0, 80)}": ${reason}` });
    checked[name] = value;
  }
  return checked;
}
