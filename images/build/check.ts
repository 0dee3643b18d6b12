// Checks a recipe's document against the schema. What is wrong is told with its line and, where a word was probably
// misspelt, with what was probably meant.
import type { Static, TSchema } from "typebox";
import { closest } from "../../server/api/config-keys/key.ts";
import { type DocumentNode, type MapNode, type Place, recipeError } from "./document.ts";

/** The parts of JSON schema that recipes use. */
export interface Rule {
  type?: string;
  const?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  items?: Rule;
  properties?: Record<string, Rule>;
  required?: string[];
  patternProperties?: Record<string, Rule>;
  anyOf?: Rule[];
  description?: string;
}

export interface Checked<T> {
  value: T;
  /** Where something stands, by its path: `run/0`. */
  placeOf(path: string): Place;
}

const nouns: Readonly<Record<string, string>> = { string: "a text", boolean: "true or false", integer: "a whole number", array: "a list", object: "a map" };
const kinds: Readonly<Record<string, DocumentNode["kind"]>> = { string: "scalar", boolean: "scalar", integer: "scalar", array: "list", object: "map" };

class Checker {
  readonly places = new Map<string, Place>();

  check(rule: Rule, node: DocumentNode, path: string): unknown {
    this.places.set(path, { file: node.file, line: node.line });
    if (rule.anyOf) return this.#checkUnion(rule.anyOf, node, path);
    const name = path === "" ? "the recipe" : `"${path.replaceAll("/", ".")}"`;
    if (node.kind !== kinds[rule.type ?? ""]) throw recipeError(node, `${name} has to be ${nouns[rule.type ?? ""]}`);
    if (node.kind === "map") return rule.patternProperties ? this.#checkRecord(rule, node, path) : this.#checkObject(rule, node, path);
    if (node.kind === "list") {
      if (node.items.length < (rule.minItems ?? 0)) throw recipeError(node, `${name} is empty`);
      return node.items.map((item, i) => this.check(rule.items ?? {}, item, `${path}/${i}`));
    }
    if (rule.type === "boolean") return this.#checkBoolean(node, name);
    return rule.type === "integer" ? this.#checkInteger(rule, node, name) : this.#checkText(rule, node, name);
  }

  #checkBoolean(node: DocumentNode & { kind: "scalar" }, name: string): boolean {
    if (node.text !== "true" && node.text !== "false") throw recipeError(node, `${name} has to be true or false`);
    return node.text === "true";
  }

  #checkInteger({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Rule, node: DocumentNode & { kind: "scalar" }, name: string): number {
    const value = /^\d{1,15}$/.test(node.text) ? Number(node.text) : Number.NaN;
    if (!(value >= minimum && value <= maximum)) throw recipeError(node, `${name} has to be a whole number from ${minimum} to ${maximum}`);
    return value;
  }

  #checkText({ pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY }: Rule, node: DocumentNode & { kind: "scalar" }, name: string): string {
    const { text } = node;
    if (node.plain && text === "" && (minLength > 0 || pattern)) throw recipeError(node, `${name} has no value`);
    if (text.includes("\0")) throw recipeError(node, `${name} holds a NUL character`);
    const fits = text.length >= minLength && text.length <= maxLength && (pattern === undefined || new RegExp(pattern, "u").test(text));
    if (!fits) throw recipeError(node, `${name} may not be ${JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)}`);
    return text;
  }

  #checkObject(rule: Rule, node: MapNode, path: string): unknown {
    const { properties = {}, required = [] } = rule;
    const value: Record<string, unknown> = {};
    for (const [name, { key, value: child }] of node.entries) {
      const one = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (!one) throw recipeError(key, unknownKey(name, path, Object.keys(properties)));
      value[name] = this.check(one, child, path === "" ? name : `${path}/${name}`);
    }
    for (const name of required) if (!(name in value)) throw recipeError(node, `"${path === "" ? name : `${path.replaceAll("/", ".")}.${name}`}" is missing`);
    return value;
  }

  #checkRecord(rule: Rule, node: MapNode, path: string): unknown {
    const [[pattern, one] = ["", {}]] = Object.entries(rule.patternProperties ?? {});
    return Object.fromEntries([...node.entries].map(([name, { key, value }]) => {
      if (!new RegExp(pattern, "u").test(name) || name === "__proto__") throw recipeError(key, `"${name}" may not stand in "${path.replaceAll("/", ".")}"`);
      return [name, this.check(one, value, `${path}/${name}`)];
    }));
  }

  #checkUnion(rules: readonly Rule[], node: DocumentNode, path: string): unknown {
    if (rules.every((rule) => rule.const !== undefined)) return this.#checkWord(rules.map((rule) => rule.const ?? ""), node, path);
    const fitting = rules.filter((rule) => kinds[rule.type ?? ""] === node.kind);
    const [first] = fitting;
    if (!first) throw recipeError(node, `"${path.replaceAll("/", ".")}" has to be ${rules.map((rule) => nouns[rule.type ?? ""]).filter((noun, i, all) => all.indexOf(noun) === i).join(" or ")}`);
    if (fitting.length === 1) return this.check(first, node, path);
    const types = fitting.map((rule) => rule.properties?.["type"]?.const ?? "");
    const given = node.kind === "map" ? node.entries.get("type") : undefined;
    if (!given) throw recipeError(node, `"${path}.type" is missing: it has to be one of ${types.join(", ")}`);
    const type = this.#checkWord(types, given.value, `${path}/type`);
    const { type: _checked, ...properties } = fitting[types.indexOf(type)]?.properties ?? {};
    const rest: MapNode = { ...(node as MapNode), entries: new Map([...(node as MapNode).entries].filter(([name]) => name !== "type")) };
    const required = (fitting[types.indexOf(type)]?.required ?? []).filter((name) => name !== "type");
    return { type, ...(this.#checkObject({ properties, required }, rest, path) as object) };
  }

  #checkWord(words: readonly string[], node: DocumentNode, path: string): string {
    if (node.kind === "scalar" && words.includes(node.text)) return node.text;
    const near = node.kind === "scalar" ? closest(node.text, words) : undefined;
    throw recipeError(node, `"${path.replaceAll("/", ".")}" has to be one of ${words.join(", ")}${near ? `: did you mean "${near}"?` : ""}`);
  }
}

function unknownKey(name: string, path: string, known: readonly string[]): string {
  const near = closest(name, known);
  return `unknown key "${name}"${path === "" ? "" : ` in "${path.replaceAll("/", ".")}"`}: ${near ? `did you mean "${near}"?` : `known are ${known.join(", ")}`}`;
}

/** Throws `recipe_invalid` for the first thing that is not as the schema says. */
export function checkDocument<S extends TSchema>(schema: S, document: DocumentNode): Checked<Static<S>> {
  const checker = new Checker();
  const value = checker.check(schema as Rule, document, "") as Static<S>;
  return { value, placeOf: (path) => checker.places.get(path) ?? { file: document.file, line: document.line } };
}
