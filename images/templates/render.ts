// Renders image templates: the part of pongo2's (Django's) language that only reads and prints values.
// Templates come from strangers: they can reach nothing but the context, and their work is bounded.
import { BerthError } from "../../server/api/errors.ts";
import type { Node } from "./ast.ts";
import { Budget } from "./budget.ts";
import { templateError } from "./errors.ts";
import { Evaluator, Scope } from "./evaluate.ts";
import { escapeHtml } from "./filters.ts";
import { parseTemplate } from "./parse.ts";
import { areEqual, compare, isList, isMap, isTrue, sizeOf, TemplateFunction, type TemplateMap, type TemplateValue, toText } from "./values.ts";

export interface TemplateInstance {
  name: string;
  type: string;
  architecture: string;
  ephemeral: "true" | "false";
  privileged: boolean;
}

export interface TemplateContext {
  /** create, copy, start or rename. */
  trigger: string;
  /** Where the file goes, inside the instance. */
  path: string;
  container: TemplateInstance;
  instance: TemplateInstance;
  /** Expanded configuration. */
  config: Readonly<Record<string, string>>;
  devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The template's own properties from metadata.yaml. */
  properties: Readonly<Record<string, string>>;
}

class Renderer {
  private readonly parts: string[] = [];
  private length = 0;
  private escaping = false;
  private readonly budget = new Budget();
  private readonly evaluator = new Evaluator(this.budget);

  get text(): string {
    return this.parts.join("");
  }

  private write(text: string, line: number): void {
    this.length += text.length;
    this.budget.assertLength(line, this.length);
    this.parts.push(text);
  }

  renderNodes(nodes: readonly Node[], scope: Scope): void {
    for (const node of nodes) {
      this.budget.charge(node.line);
      this.renderNode(node, scope);
    }
  }

  private renderNode(node: Node, scope: Scope): void {
    switch (node.kind) {
      case "text": return this.write(node.text, node.line);
      case "output": return this.renderOutput(node, scope);
      case "if": return this.renderIf(node, scope);
      case "for": return this.renderFor(node, scope);
      case "set": return scope.set(node.name, this.evaluator.evaluate(node.value, scope, node.line));
      case "with": {
        const values = node.values.map(([name, value]) => [name, this.evaluator.evaluate(value, scope, node.line)] as const);
        return this.renderNodes(node.body, new Scope(values, scope));
      }
      case "autoescape": {
        const before = this.escaping;
        this.escaping = node.on;
        this.renderNodes(node.body, scope);
        this.escaping = before;
      }
    }
  }

  private renderOutput({ value, line }: Extract<Node, { kind: "output" }>, scope: Scope): void {
    const text = toText(this.evaluator.evaluate(value, scope, line));
    const done = value.kind === "filtered" && value.filters.some(({ name }) => name === "safe" || name === "escape");
    this.budget.charge(line, text.length);
    this.write(this.escaping && !done ? escapeHtml(text) : text, line);
  }

  private renderIf({ branches, otherwise, line }: Extract<Node, { kind: "if" }>, scope: Scope): void {
    const branch = branches.find(({ condition }) => isTrue(this.evaluator.evaluate(condition, scope, line)));
    this.renderNodes(branch ? branch.body : otherwise, scope);
  }

  private renderFor(node: Extract<Node, { kind: "for" }>, scope: Scope): void {
    const list = this.evaluator.evaluate(node.list, scope, node.line);
    this.budget.charge(node.line, sizeOf(list) * 16);
    const entries = listEntries(list);
    if (node.sorted && !isMap(list)) entries.sort(([a], [b]) => areEqual(a, b) ? 0 : compare(a, b) || 0);
    if (node.reversed) entries.reverse();
    if (entries.length === 0) return this.renderNodes(node.empty, scope);
    for (const [i, entry] of entries.entries()) {
      this.budget.charge(node.line);
      const names = node.names.map((name, at) => [name, entry[at]] as const);
      this.renderNodes(node.body, new Scope([...names, ["forloop", loopState(i, entries.length, scope)]], scope));
    }
  }
}

/** What a loop goes through: keys and values of maps by key, entries of lists, characters of texts. */
function listEntries(list: TemplateValue): TemplateValue[][] {
  if (isMap(list)) return Object.keys(list).sort().map((key) => [key, list[key]]);
  if (isList(list)) return list.map((one) => [one]);
  return typeof list === "string" ? Array.from(list, (character) => [character]) : [];
}

function loopState(i: number, count: number, scope: Scope): TemplateMap {
  const state = {
    counter: i + 1, counter0: i, revcounter: count - i, revcounter0: count - i - 1, first: i === 0, last: i === count - 1,
    parentloop: scope.get("forloop"),
  };
  return {
    ...state, Counter: state.counter, Counter0: state.counter0, Revcounter: state.revcounter, Revcounter0: state.revcounter0,
    First: state.first, Last: state.last, Parentloop: state.parentloop,
  };
}

function trimLineEnds(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === "\n" || text[end - 1] === "\r")) end--;
  return text.slice(0, end);
}

function configGetter(config: Readonly<Record<string, string>>): TemplateFunction {
  return new TemplateFunction(([key, fallback]) => {
    const name = toText(key);
    return Object.hasOwn(config, name) ? trimLineEnds(String(config[name])) : fallback;
  });
}

/**
 * Renders any text in the template language with just these variables, as for `snapshots.pattern`
 * ({ creation_date: Date }). Unknown variables are empty. Throws `image_broken` naming the line.
 */
export function renderText(source: string, variables: Readonly<Record<string, TemplateValue>>): string {
  try {
    const renderer = new Renderer();
    renderer.renderNodes(parseTemplate(source), new Scope(Object.entries(variables)));
    return renderer.text;
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw templateError(1, `it cannot be rendered: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Renders a template of an image. Throws `image_broken` naming the line. */
export function renderTemplate(source: string, context: TemplateContext): string {
  const { trigger, path, container, instance, config, devices, properties } = context;
  return renderText(source, {
    trigger, path, container: { ...container }, instance: { ...instance }, config, devices, properties,
    config_get: configGetter(config),
  });
}
