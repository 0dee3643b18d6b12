// Builds the tree of a template. Only tags that read and print values exist: none opens a file.
import type { Expression, Node } from "./ast.ts";
import { nestingLimit } from "./budget.ts";
import { templateError } from "./errors.ts";
import { lexTemplate, type Segment, type Token } from "./lex.ts";
import { ExpressionParser } from "./parse-expression.ts";

type Tag = Extract<Segment, { tokens: Token[] }>;

const refusedTags: ReadonlySet<string> = new Set(["include", "import", "extends", "ssi", "exec", "block", "macro"]);

class TemplateParser {
  private at = 0;
  private depth = 0;
  private readonly segments: readonly Segment[];

  constructor(segments: readonly Segment[]) {
    this.segments = segments;
  }

  /** Nodes up to one of the end tags, which stays; without end tags, up to the end. */
  parseNodes(ends: readonly string[], line: number): Node[] {
    if (this.depth > nestingLimit) throw templateError(line, `it nests deeper than ${nestingLimit} levels`);
    const nodes: Node[] = [];
    for (let segment = this.segments[this.at]; segment; segment = this.segments[this.at]) {
      if (segment.kind === "tag" && ends.includes(segment.tokens[0]?.text ?? "")) return nodes;
      this.at++;
      if (segment.kind === "text") nodes.push(segment);
      else if (segment.kind === "output") nodes.push({ kind: "output", line: segment.line, value: parseWhole(segment) });
      else nodes.push(this.parseTag(segment));
    }
    if (ends.length > 0) throw templateError(line, `{% ${ends.at(-1)} %} is missing`);
    return nodes;
  }

  private parseBody(ends: readonly string[], line: number): Node[] {
    this.depth++;
    const nodes = this.parseNodes(ends, line);
    this.depth--;
    return nodes;
  }

  /** Takes the end tag that `parseBody` stopped at: its name, and what stands behind it. */
  private takeEnd(): { name: string; tag: Tag } {
    const tag = this.segments[this.at++] as Tag;
    return { name: tag.tokens[0]?.text ?? "", tag };
  }

  private parseTag(tag: Tag): Node {
    const reader = new ExpressionParser(tag.tokens.slice(1), tag.line);
    const name = tag.tokens[0]?.kind === "name" ? tag.tokens[0].text : "";
    switch (name) {
      case "if": return this.parseIf(reader);
      case "ifequal": return this.parseIfEqual(reader, "==", "endifequal");
      case "ifnotequal": return this.parseIfEqual(reader, "!=", "endifnotequal");
      case "for": return this.parseFor(reader);
      case "set": return parseSet(reader);
      case "with": return this.parseWith(reader);
      case "autoescape": return this.parseAutoescape(reader);
    }
    if (refusedTags.has(name)) throw templateError(tag.line, `the tag "${name}" is not allowed in image templates`);
    if (name.startsWith("end") || name === "else" || name === "elif") throw templateError(tag.line, `{% ${name} %} has no beginning`);
    throw templateError(tag.line, `the tag "${name}" is not known`);
  }

  private parseIf(reader: ExpressionParser): Node {
    const branches: { condition: Expression; body: Node[] }[] = [];
    for (let condition = parseRest(reader);;) {
      branches.push({ condition, body: this.parseBody(["elif", "else", "endif"], reader.line) });
      const { name, tag } = this.takeEnd();
      if (name === "endif") return { kind: "if", line: reader.line, branches, otherwise: [] };
      if (name === "else") return { kind: "if", line: reader.line, branches, otherwise: this.parseLast("endif", reader.line) };
      condition = parseRest(new ExpressionParser(tag.tokens.slice(1), tag.line));
    }
  }

  private parseLast(end: string, line: number): Node[] {
    const body = this.parseBody([end], line);
    this.at++;
    return body;
  }

  private parseIfEqual(reader: ExpressionParser, operator: "==" | "!=", end: string): Node {
    const first = reader.parsePath();
    const condition: Expression = { kind: "chain", first, rest: [{ operator, operand: reader.parsePath() }], line: reader.line };
    reader.expectEnd();
    const body = this.parseBody(["else", end], reader.line);
    const otherwise = this.takeEnd().name === "else" ? this.parseLast(end, reader.line) : [];
    return { kind: "if", line: reader.line, branches: [{ condition, body }], otherwise };
  }

  private parseFor(reader: ExpressionParser): Node {
    const names = [reader.takeName()];
    if (reader.take(",")) names.push(reader.takeName());
    reader.expect("in");
    const list = reader.parse();
    const reversed = reader.take("reversed");
    const sorted = reader.take("sorted");
    reader.expectEnd();
    const body = this.parseBody(["empty", "endfor"], reader.line);
    const empty = this.takeEnd().name === "empty" ? this.parseLast("endfor", reader.line) : [];
    return { kind: "for", line: reader.line, names, list, reversed, sorted, body, empty };
  }

  /** {% with a=1 b=2 %} or {% with 1 as a %}. */
  private parseWith(reader: ExpressionParser): Node {
    const values: [string, Expression][] = [];
    while (!reader.done) {
      if (reader.is("=", 1)) {
        const name = reader.takeName();
        reader.expect("=");
        values.push([name, reader.parse()]);
      } else {
        const value = reader.parse();
        reader.expect("as");
        values.push([reader.takeName(), value]);
      }
    }
    return { kind: "with", line: reader.line, values, body: this.parseLast("endwith", reader.line) };
  }

  private parseAutoescape(reader: ExpressionParser): Node {
    const on = reader.take("on");
    if (!on) reader.expect("off");
    reader.expectEnd();
    return { kind: "autoescape", line: reader.line, on, body: this.parseLast("endautoescape", reader.line) };
  }
}

function parseRest(reader: ExpressionParser): Expression {
  const expression = reader.parse();
  reader.expectEnd();
  return expression;
}

function parseWhole(segment: Tag): Expression {
  return parseRest(new ExpressionParser(segment.tokens, segment.line));
}

function parseSet(reader: ExpressionParser): Node {
  const name = reader.takeName();
  reader.expect("=");
  return { kind: "set", line: reader.line, name, value: parseRest(reader) };
}

/** Throws `image_broken` with the line of what is wrong. */
export function parseTemplate(source: string): Node[] {
  return new TemplateParser(lexTemplate(source)).parseNodes([], 1);
}
