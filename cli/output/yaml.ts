// Writes YAML byte for byte as Go's yaml.v2 does for lxc (which js-yaml cannot be made to), except that
// long lines are never folded. Reading is js-yaml's work, with every scalar left the text it is.
import { compareYamlKeys } from "./natural.ts";

/** A scalar that is written as it is: a time. */
export class Plain {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An object whose members keep their order: a struct, not a map. */
export class Struct {
  readonly members: readonly (readonly [string, unknown])[];
  constructor(members: readonly (readonly [string, unknown])[]) {
    this.members = members;
  }
}

const words = /^(y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|~|null|Null|NULL|<<|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/;
const numbers = /^[-+]?(0b[01]+|0o?[0-7]+|0x[0-9a-fA-F]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)$/;
const base60 = /^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$/;
const timestamp = /^\d{4}-\d{1,2}-\d{1,2}([Tt ]\d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?(Z|[-+]\d{2}:\d{2})?)?$/;

/** Whether a text without quotes would be read as something else than that text. */
function isAmbiguous(text: string): boolean {
  return text === "" || words.test(text) || numbers.test(text.replaceAll("_", "")) || base60.test(text) || timestamp.test(text);
}

const special = /[\0-\x09\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])/;

function mayBePlain(text: string): boolean {
  return !/^(---|\.\.\.)/.test(text) && !/^[#,[\]{}&*!|>'"%@`]|^[?:-](\s|$)|: |:$|\s#|^\s|\s$|\n/.test(text) && !special.test(text);
}

function doubleQuoted(text: string): string {
  const names: Record<string, string> = {
    "\0": "0", "\x07": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e", '"': '"', "\\": "\\",
    "\x85": "N", "\u2028": "L", "\u2029": "P", "\ufeff": "uFEFF",
  };
  const escaped = text.replace(/[\0-\x1f"\\\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g, (char) => {
    const code = char.charCodeAt(0);
    return `\\${names[char] ?? (code < 256 ? `x${hex(code, 2)}` : `u${hex(code, 4)}`)}`;
  });
  return `"${escaped}"`;
}

const hex = (code: number, width: number) => code.toString(16).toUpperCase().padStart(width, "0");

/** A block scalar: `|` with its lines below. */
function literal(text: string, indent: string): string {
  const hint = /^[ \n]/.test(text) ? "2" : "";
  const chomp = text.endsWith("\n") ? (/(^|\n)\n$/.test(text) ? "+" : "") : "-";
  const lines = (chomp === "-" ? text : text.slice(0, -1)).split("\n");
  return `|${hint}${chomp}\n${lines.map((line) => (line === "" ? "" : indent + line)).join("\n")}`;
}

function scalarText(text: string, indent: string, isKey: boolean): string {
  if (text.includes("\n") && !isKey && !special.test(text) && !/ (\n|$)/.test(text)) return literal(text, indent);
  if (isAmbiguous(text) || text.includes("\n")) return doubleQuoted(text);
  if (mayBePlain(text)) return text;
  return special.test(text) ? doubleQuoted(text) : `'${text.replaceAll("'", "''")}'`;
}

function scalar(value: unknown, indent: string): string {
  if (value instanceof Plain) return value.text;
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return scalarText(value, indent, false);
  return String(value);
}

function membersOf(value: object): readonly (readonly [string, unknown])[] {
  if (value instanceof Struct) return value.members;
  return Object.entries(value).sort(([a], [b]) => compareYamlKeys(a, b));
}

/** The lines of a collection, the first without its indent; undefined when it is a scalar or empty. */
function block(value: unknown, indent: string): string | undefined {
  if (Array.isArray(value)) {
    if (value.length === 0) return undefined;
    return value.map((item) => `- ${block(item, `${indent}  `) ?? flat(item, `${indent}  `)}`).join(`\n${indent}`);
  }
  if (typeof value !== "object" || value === null || value instanceof Plain) return undefined;
  const members = membersOf(value);
  if (members.length === 0) return undefined;
  return members.map(([key, item]) => `${scalarText(key, indent, true)}:${afterKey(item, indent)}`).join(`\n${indent}`);
}

function afterKey(value: unknown, indent: string): string {
  const inner = Array.isArray(value) ? indent : `${indent}  `;
  const lines = block(value, inner);
  return lines === undefined ? ` ${flat(value, `${indent}  `)}` : `\n${inner}${lines}`;
}

function flat(value: unknown, indent: string): string {
  if (Array.isArray(value)) return "[]";
  return typeof value === "object" && value !== null && !(value instanceof Plain) ? "{}" : scalar(value, indent);
}

/** Objects are maps, with sorted keys, unless they are a Struct. */
export function renderYaml(value: unknown): string {
  return `${block(value, "") ?? flat(value, "")}\n`;
}

/** Reads YAML without guessing types: every scalar is the text it was written as. */
export async function readYaml(text: string): Promise<unknown> {
  const { FAILSAFE_SCHEMA, load } = await import("js-yaml");
  return text.trim() === "" ? undefined : load(text, { schema: FAILSAFE_SCHEMA });
}
