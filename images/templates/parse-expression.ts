// Expressions: or < and < not < comparison < sum < product < filters < lookups and calls.
import type { Expression, FilterCall, Operator, Step } from "./ast.ts";
import { nestingLimit } from "./budget.ts";
import { templateError } from "./errors.ts";
import { isFilter } from "./filters.ts";
import type { Token } from "./lex.ts";

const symbols: Readonly<Record<string, Operator>> = { "||": "or", "&&": "and", "<>": "!=" };
const constants: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true], ["True", true], ["false", false], ["False", false], ["none", null], ["None", null], ["nil", null],
]);
const levels: readonly (readonly string[])[] = [
  ["or"], ["and"], ["not"], ["==", "!=", "<", ">", "<=", ">=", "in", "not in"], ["+", "-"], ["*", "/", "%"],
];
const notLevel = 2;

/** Reads the tokens of one tag or output. */
export class ExpressionParser {
  private at = 0;
  private depth = 0;
  private readonly tokens: readonly Token[];
  readonly line: number;

  constructor(tokens: readonly Token[], line: number) {
    this.tokens = tokens;
    this.line = line;
  }

  fail(reason: string): Error {
    return templateError(this.line, reason);
  }

  /** Takes the next token if it is this symbol or word. */
  take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at++;
    return true;
  }

  expect(text: string): void {
    if (!this.take(text)) throw this.fail(`"${text}" is expected ${this.place()}`);
  }

  takeName(): string {
    const token = this.tokens[this.at];
    if (token?.kind !== "name") throw this.fail(`a name is expected ${this.place()}`);
    this.at++;
    return token.text;
  }

  get done(): boolean {
    return this.at >= this.tokens.length;
  }

  expectEnd(): void {
    if (!this.done) throw this.fail(`nothing more is expected ${this.place()}`);
  }

  /** Whether this token comes `ahead` tokens from here. */
  is(text: string, ahead = 0): boolean {
    const token = this.tokens[this.at + ahead];
    return token !== undefined && token.kind !== "string" && token.text === text;
  }

  private place(): string {
    const token = this.tokens[this.at];
    return token ? `at "${token.text.slice(0, 40)}"` : "at the end";
  }

  parse(): Expression {
    return this.nested(() => this.parseLevel(0));
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > nestingLimit) throw this.fail(`it nests deeper than ${nestingLimit} levels`);
    const result = read();
    this.depth--;
    return result;
  }

  private takeOperator(level: number): Operator | undefined {
    const token = this.tokens[this.at];
    if (!token || token.kind === "string" || token.kind === "number") return undefined;
    const notIn = token.text === "not" && this.is("in", 1);
    const operator = notIn ? "not in" : symbols[token.text] ?? token.text;
    if (!levels[level]?.includes(operator)) return undefined;
    this.at += notIn ? 2 : 1;
    return operator as Operator;
  }

  private parseLevel(level: number): Expression {
    if (level === notLevel) return this.parseNot();
    const next = () => level + 1 < levels.length ? this.parseLevel(level + 1) : this.parseFiltered();
    const first = next();
    const rest: { operator: Operator; operand: Expression }[] = [];
    for (let operator = this.takeOperator(level); operator; operator = this.takeOperator(level)) {
      rest.push({ operator, operand: next() });
    }
    return rest.length === 0 ? first : { kind: "chain", first, rest, line: this.line };
  }

  private parseNot(): Expression {
    let count = 0;
    while (this.take("not") || this.take("!")) count++;
    const operand = this.parseLevel(notLevel + 1);
    if (count === 0) return operand;
    const negated: Expression = { kind: "not", operand };
    return count % 2 === 1 ? negated : { kind: "not", operand: negated };
  }

  private parseFiltered(): Expression {
    const base = this.parsePath();
    const filters: FilterCall[] = [];
    while (this.take("|")) {
      const name = this.takeName();
      if (!isFilter(name)) throw this.fail(`the filter "${name}" is not known`);
      filters.push({ name, argument: this.take(":") ? this.parsePath() : undefined, line: this.line });
    }
    return filters.length === 0 ? base : { kind: "filtered", base, filters };
  }

  /** A value with lookups and calls behind it; the only expression that tags take between words. */
  parsePath(): Expression {
    const base = this.parsePrimary();
    const steps: Step[] = [];
    for (;;) {
      if (this.take(".")) steps.push({ kind: "key", key: { kind: "literal", value: this.takeKey() } });
      else if (this.take("[")) {
        steps.push({ kind: "key", key: this.parse() });
        this.expect("]");
      } else if (this.take("(")) steps.push({ kind: "call", args: this.parseArguments() });
      else return steps.length === 0 ? base : { kind: "path", base, steps, line: this.line };
    }
  }

  private takeKey(): string {
    const token = this.tokens[this.at++];
    if (token?.kind !== "name" && token?.kind !== "number") throw this.fail("a name is expected behind \".\"");
    return token.text;
  }

  private parseArguments(): Expression[] {
    const args: Expression[] = [];
    while (!this.take(")")) {
      if (args.length > 0) this.expect(",");
      args.push(this.parse());
    }
    return args;
  }

  private parsePrimary(): Expression {
    const token = this.tokens[this.at];
    if (!token) throw this.fail("a value is expected at the end");
    this.at++;
    if (token.kind === "string") return { kind: "literal", value: token.text };
    if (token.kind === "number") return { kind: "literal", value: Number(token.text) };
    if (token.text === "(") {
      const inside = this.parse();
      this.expect(")");
      return inside;
    }
    if (token.text === "-" && this.tokens[this.at]?.kind === "number") return { kind: "literal", value: -Number(this.tokens[this.at++]?.text) };
    this.at--;
    if (token.kind === "symbol") throw this.fail(`a value is expected ${this.place()}`);
    this.at++;
    return constants.has(token.text) ? { kind: "literal", value: constants.get(token.text) } : { kind: "variable", name: token.text };
  }
}
