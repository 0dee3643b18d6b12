// The filter language of lists: FIELD eq|ne VALUE, joined by and/or, each with an optional leading not.
import { fail } from "./api/errors.ts";

type Test = (object: unknown) => boolean;

const invalid = (reason: string) => fail("invalid_filter", { reason });

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const pattern = /\s*(?:"((?:[^"\\]|\\.)*)"|(\S+))/y;
  while (pattern.lastIndex < text.trimEnd().length) {
    const match = pattern.exec(text);
    if (!match) throw invalid(`cannot read "${text}"`);
    tokens.push(match[1] !== undefined ? match[1].replace(/\\(.)/g, "$1") : (match[2] ?? ""));
  }
  return tokens;
}

/** Follows a dotted name through objects; keys may have dots themselves. */
function lookup(object: unknown, name: string): string | undefined {
  if (typeof object !== "object" || object === null) return undefined;
  if (Object.hasOwn(object, name)) return valueText((object as Record<string, unknown>)[name]);
  for (let dot = name.indexOf("."); dot > 0; dot = name.indexOf(".", dot + 1)) {
    const head = name.slice(0, dot);
    if (!Object.hasOwn(object, head)) continue;
    const found = lookup((object as Record<string, unknown>)[head], name.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

function valueText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A value is a pattern, whole unless it says otherwise; one that is no pattern is taken as it is. */
function pattern(value: string): RegExp {
  if (value.length > 500) throw invalid("a value is too long");
  const source = value.includes("^") || value.includes("$") ? value : `^${value}$`;
  if (/\([^)]*[+*][^)]*\)\s*[+*{]/.test(source)) throw invalid(`the pattern "${value}" repeats a repetition`);
  try {
    return new RegExp(source, "i");
  } catch {
    return new RegExp(`^${value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`, "i");
  }
}

function clause(tokens: string[]): Test {
  const negated = tokens[0] === "not";
  if (negated) tokens.shift();
  const [field, operator, value] = tokens.splice(0, 3);
  if (field === undefined || operator === undefined || value === undefined) throw invalid("expected FIELD eq|ne VALUE");
  if (operator !== "eq" && operator !== "ne") throw invalid(`unknown operator "${operator}", expected eq or ne`);
  const wanted = pattern(value);
  return (object) => ((lookup(object, field) ?? "").match(wanted) !== null) === ((operator === "eq") !== negated);
}

/** Makes a test of a filter's text; an empty one lets everything through. Throws `invalid_filter`. */
export function compileFilter(text: string | undefined): Test {
  if (!text?.trim()) return () => true;
  const tokens = tokenize(text);
  let test = clause(tokens);
  while (tokens.length > 0) {
    const joint = tokens.shift();
    const [left, right] = [test, clause(tokens)];
    if (joint === "and") test = (object) => left(object) && right(object);
    else if (joint === "or") test = (object) => left(object) || right(object);
    else throw invalid(`expected and or or, not "${joint}"`);
  }
  return test;
}
