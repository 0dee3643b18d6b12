// The value of an expression among a template's variables.
import type { Expression, Operator, Step } from "./ast.ts";
import type { Budget } from "./budget.ts";
import { templateError } from "./errors.ts";
import { applyFilter } from "./filters.ts";
import { areEqual, compare, contains, isTrue, lookup, sizeOf, TemplateFunction, type TemplateValue, toNumber, toText } from "./values.ts";

/** Variables, the inner ones before the outer ones. */
export class Scope {
  private readonly values: Map<string, TemplateValue>;
  private readonly outer: Scope | undefined;

  constructor(values: Iterable<readonly [string, TemplateValue]>, outer?: Scope) {
    this.values = new Map(values);
    this.outer = outer;
  }

  get(name: string): TemplateValue {
    return this.values.has(name) ? this.values.get(name) : this.outer?.get(name);
  }

  set(name: string, value: TemplateValue): void {
    this.values.set(name, value);
  }
}

export class Evaluator {
  readonly budget: Budget;

  constructor(budget: Budget) {
    this.budget = budget;
  }

  evaluate(expression: Expression, scope: Scope, line: number): TemplateValue {
    this.budget.charge(line);
    switch (expression.kind) {
      case "literal": return expression.value;
      case "variable": return scope.get(expression.name);
      case "not": return !isTrue(this.evaluate(expression.operand, scope, line));
      case "path": return this.follow(expression.steps, this.evaluate(expression.base, scope, line), scope, line);
      case "filtered": return expression.filters.reduce((value, { name, argument }) => {
        const given = argument && this.evaluate(argument, scope, line);
        return applyFilter(name, value, given, { budget: this.budget, line });
      }, this.evaluate(expression.base, scope, line));
      case "chain": return this.evaluateChain(expression, scope, line);
    }
  }

  private follow(steps: readonly Step[], base: TemplateValue, scope: Scope, line: number): TemplateValue {
    let value = base;
    for (const step of steps) {
      this.budget.charge(line);
      if (step.kind === "key") {
        value = lookup(value, this.evaluate(step.key, scope, line));
      } else {
        if (!(value instanceof TemplateFunction)) throw templateError(line, "something is called that is no function");
        value = value.call(step.args.map((argument) => this.evaluate(argument, scope, line)));
      }
    }
    return value;
  }

  private evaluateChain(chain: Extract<Expression, { kind: "chain" }>, scope: Scope, line: number): TemplateValue {
    let value = this.evaluate(chain.first, scope, line);
    for (const { operator, operand } of chain.rest) {
      if (operator === "and" || operator === "or") {
        const known = isTrue(value);
        value = known === (operator === "or") ? known : isTrue(this.evaluate(operand, scope, line));
      } else {
        value = this.operate(operator, value, this.evaluate(operand, scope, line), line);
      }
    }
    return value;
  }

  private operate(operator: Exclude<Operator, "and" | "or">, a: TemplateValue, b: TemplateValue, line: number): TemplateValue {
    this.budget.charge(line, sizeOf(a) + sizeOf(b));
    switch (operator) {
      case "==": return areEqual(a, b);
      case "!=": return !areEqual(a, b);
      case "<": return compare(a, b) < 0;
      case ">": return compare(a, b) > 0;
      case "<=": return compare(a, b) <= 0;
      case ">=": return compare(a, b) >= 0;
      case "in": return contains(b, a);
      case "not in": return !contains(b, a);
      case "+": return this.add(a, b, line);
      case "-": return toNumber(a) - toNumber(b);
      case "*": return toNumber(a) * toNumber(b);
      case "/": return toNumber(a) / toNumber(b);
      case "%": return toNumber(a) % toNumber(b);
    }
  }

  private add(a: TemplateValue, b: TemplateValue, line: number): TemplateValue {
    if (typeof a === "number" && typeof b === "number") return a + b;
    const text = [toText(a), toText(b)] as const;
    this.budget.assertLength(line, text[0].length + text[1].length);
    return text[0] + text[1];
  }
}
