// What a command is: a value that argument parsing, help and the program are driven by.
import type { Context } from "./context.ts";

export interface Flag {
  /** `list` may be given several times; `optional` takes a value only as `--flag=value`. */
  readonly kind: "bool" | "string" | "int" | "list" | "optional";
  readonly short?: string;
  readonly description: string;
  readonly default?: string | number;
  /** What an `optional` flag holds when it is given without a value. */
  readonly bare?: string;
  /** Accepted, but left out of help: for what lxc has and Berth has not. */
  readonly hidden?: true;
}

export type Flags = Readonly<Record<string, Flag>>;

type Value<F extends Flag> = F["kind"] extends "bool" ? boolean : F["kind"] extends "int" ? number : F["kind"] extends "list" ? string[] : string;
export type Values<F extends Flags> = { [K in keyof F]: Value<F[K]> };

export interface Command<F extends Flags = Flags> {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** What follows the name on the usage line: `<instance> [<key>=<value>...]`. */
  readonly usage?: string;
  readonly summary: string;
  /** The summary when absent. `Examples` of the description may name the program as `berth`. */
  readonly description?: string;
  readonly examples?: string;
  readonly flags?: F;
  /** Least and most number of arguments; -1 for no upper limit. */
  readonly args: readonly [number, number];
  /** After that many arguments everything belongs to the command that is run elsewhere. */
  readonly passAfter?: number;
  /** Left out of the lists of commands. */
  readonly hidden?: true;
  /** Resolves to the exit status; none is success. */
  run(ctx: Context, args: string[], flags: Values<F>): Promise<number | void>;
}

export interface Group {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly commands: readonly Entry[];
  readonly hidden?: true;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds commands with any flags
export type Entry = Command<any> | Group;

/** Fixes the types of a command's flags without widening them. */
export function defineCommand<const F extends Flags = Record<never, never>>(command: Command<F>): Command<F> {
  return command;
}

export function isGroup(entry: Entry): entry is Group {
  return "commands" in entry;
}

/** Flags that every command has. */
export const globalFlags = {
  debug: { kind: "bool", description: "Show all debug messages" },
  "force-local": { kind: "bool", description: "Force using the local unix socket" },
  help: { kind: "bool", short: "h", description: "Print help" },
  project: { kind: "string", description: "Override the source project" },
  quiet: { kind: "bool", short: "q", description: "Don't show progress information" },
  "sub-commands": { kind: "bool", description: "Use with help or --help to view sub-commands" },
  verbose: { kind: "bool", short: "v", description: "Show all information messages" },
  version: { kind: "bool", description: "Print version number" },
} as const satisfies Flags;
export type GlobalValues = Values<typeof globalFlags>;

/** A member of a cluster: lxc's commands take one, and Berth refuses it. */
export const targetFlag = { kind: "string", description: "Cluster member name", hidden: true } as const satisfies Flag;

/** The format flag of everything that prints a table. */
export const formatFlag = {
  kind: "string", short: "f", default: "table", description: "Format (csv|json|table|yaml|compact)",
} as const satisfies Flag;
