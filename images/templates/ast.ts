// A parsed template. Chains are lists, not trees, so that only brackets and blocks nest.
import type { Scalar } from "./values.ts";

export type Expression =
  | { kind: "literal"; value: Scalar }
  | { kind: "variable"; name: string }
  | { kind: "path"; base: Expression; steps: Step[]; line: number }
  | { kind: "filtered"; base: Expression; filters: FilterCall[] }
  | { kind: "not"; operand: Expression }
  | { kind: "chain"; first: Expression; rest: { operator: Operator; operand: Expression }[]; line: number };

export type Step = { kind: "key"; key: Expression } | { kind: "call"; args: Expression[] };

export interface FilterCall {
  name: string;
  argument: Expression | undefined;
  line: number;
}

export type Operator = "or" | "and" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "in" | "not in" | "+" | "-" | "*" | "/" | "%";

export type Node =
  | { kind: "text"; line: number; text: string }
  | { kind: "output"; line: number; value: Expression }
  | { kind: "if"; line: number; branches: { condition: Expression; body: Node[] }[]; otherwise: Node[] }
  | { kind: "for"; line: number; names: string[]; list: Expression; reversed: boolean; sorted: boolean; body: Node[]; empty: Node[] }
  | { kind: "set"; line: number; name: string; value: Expression }
  | { kind: "with"; line: number; values: [string, Expression][]; body: Node[] }
  | { kind: "autoescape"; line: number; on: boolean; body: Node[] };
