// Splits a template into text, {{ outputs }} and {% tags %}; the two latter into tokens.
import { sourceLimit } from "./budget.ts";
import { templateError } from "./errors.ts";

export interface Token {
  kind: "name" | "string" | "number" | "symbol";
  /** Of a string: what it stands for, without quotes. */
  text: string;
}

export type Segment =
  | { kind: "text"; line: number; text: string }
  | { kind: "output" | "tag"; line: number; tokens: Token[] };

const opener = /\{[{%#]/g;
const space = /\s+/y;
const digits = /\d+/y;
const token = /([A-Za-z_]\w*)|(\d+(?:\.\d+)?)|("[^"\\]*(?:\\[^][^"\\]*)*"|'[^'\\]*(?:\\[^][^'\\]*)*')|(==|!=|<>|<=|>=|&&|\|\||[-<>()[\].,|:=!+*/%])/y;
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** Blocks whose inside is not looked at. */
const rawTags: ReadonlySet<string> = new Set(["comment", "verbatim"]);

function unquote(text: string): string {
  return text.slice(1, -1).replace(/\\([^])/g, (_, character: string) => escapes[character] ?? character);
}

class Lexer {
  readonly segments: Segment[] = [];
  private position = 0;
  private line = 1;
  private counted = 0;
  private trimNext = false;
  private readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  private lineAt(position: number): number {
    for (; this.counted < position; this.counted++) if (this.source[this.counted] === "\n") this.line++;
    return this.line;
  }

  private pushText(end: number, trimEnd: boolean): void {
    let text = this.source.slice(this.position, end);
    if (this.trimNext) text = text.trimStart();
    if (trimEnd) text = text.trimEnd();
    if (text !== "") this.segments.push({ kind: "text", line: this.lineAt(this.position), text });
  }

  private match(pattern: RegExp, at: number): RegExpExecArray | null {
    pattern.lastIndex = at;
    return pattern.exec(this.source);
  }

  /** Reads tokens from `at` until the closing mark. */
  private readTokens(at: number, close: string, line: number): Token[] {
    const tokens: Token[] = [];
    for (let i = at; i < this.source.length;) {
      i += this.match(space, i)?.[0].length ?? 0;
      const trim = this.source.startsWith(`-${close}`, i);
      if (trim || this.source.startsWith(close, i)) {
        this.trimNext = trim;
        this.position = i + close.length + (trim ? 1 : 0);
        return tokens;
      }
      const index = tokens.at(-1)?.text === "." ? this.match(digits, i) : null; // a.0.1 is no fraction
      const found = index ?? this.match(token, i);
      if (!found) break;
      const [whole, name, number, string] = found;
      if (index) tokens.push({ kind: "number", text: whole });
      else if (name !== undefined) tokens.push({ kind: "name", text: name });
      else if (number !== undefined) tokens.push({ kind: "number", text: number });
      else if (string !== undefined) tokens.push({ kind: "string", text: unquote(string) });
      else tokens.push({ kind: "symbol", text: whole });
      i += whole.length;
    }
    throw templateError(line, `the "${close === "}}" ? "{{" : "{%"}" is not closed, or has a character that does not belong there`);
  }

  /** Passes over a block up to its end tag; verbatim ones give their text. */
  private readRaw(name: string, line: number): void {
    const end = this.match(new RegExp(`\\{%-?[ \\t\\r\\n]*end${name}[ \\t\\r\\n]*-?%\\}`, "g"), this.position);
    if (!end) throw templateError(line, `{% ${name} %} has no {% end${name} %}`);
    if (name === "verbatim") this.pushText(end.index, end[0].startsWith("{%-"));
    this.position = end.index + end[0].length;
    this.trimNext = end[0].endsWith("-%}");
  }

  lex(): Segment[] {
    for (let open = this.match(opener, 0); open; open = this.match(opener, this.position)) {
      const line = this.lineAt(open.index);
      const inside = open.index + 2;
      const trim = open[0] !== "{#" && this.source[inside] === "-";
      this.pushText(open.index, trim);
      if (open[0] === "{#") {
        const end = this.source.indexOf("#}", inside);
        if (end < 0) throw templateError(line, "the \"{#\" is not closed");
        this.position = end + 2;
        this.trimNext = false;
        continue;
      }
      const kind = open[0] === "{{" ? "output" : "tag";
      const tokens = this.readTokens(inside + (trim ? 1 : 0), kind === "output" ? "}}" : "%}", line);
      const name = tokens[0]?.text ?? "";
      if (kind === "tag" && tokens.length === 1 && rawTags.has(name)) this.readRaw(name, line);
      else this.segments.push({ kind, line, tokens });
    }
    this.pushText(this.source.length, false);
    return this.segments;
  }
}

/** Throws `image_broken` with the line of what cannot be read. */
export function lexTemplate(source: string): Segment[] {
  if (source.length > sourceLimit) throw templateError(1, `it is longer than ${sourceLimit} characters`);
  return new Lexer(source).lex();
}
