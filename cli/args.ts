// Parses command lines the way lxc's do: flags before or after the arguments, `-fjson`, `-qf json`,
// `--flag=value`, and `--` that ends them.
import { closest } from "../server/api/config-keys/key.ts";
import { type Command, type Entry, type Flag, type Flags, globalFlags, type Group, isGroup } from "./command.ts";
import { CliError } from "./errors.ts";

export interface Found {
  entry: Entry;
  /** Its groups and itself, the program's name first. */
  path: string[];
  /** What is left for the entry to parse. */
  rest: string[];
}

/** Finds the command that the words name. Throws when there is none of that name. */
export function findCommand(root: Group, argv: readonly string[]): Found {
  let entry: Entry = root;
  const path = [root.name];
  const rest: string[] = [];
  let i = 0;
  for (; i < argv.length && isGroup(entry); i++) {
    const word = argv[i] ?? "";
    if (word === "--") break;
    if (word.startsWith("-") && word !== "-") {
      rest.push(word);
      if (word === "--project" && i + 1 < argv.length) rest.push(argv[++i] ?? "");
      continue;
    }
    const child: Entry | undefined = findChild(entry, word);
    if (!child) throw unknownCommand(entry, word, path.join(" "));
    path.push(child.name);
    entry = child;
  }
  return { entry, path, rest: [...rest, ...argv.slice(i)] };
}

function findChild(group: Group, word: string): Entry | undefined {
  return group.commands.find((child) => child.name === word || (!isGroup(child) && child.aliases?.includes(word)));
}

function unknownCommand(group: Group, word: string, path: string): CliError {
  const names = group.commands.flatMap((child) => (isGroup(child) ? [child.name] : [child.name, ...(child.aliases ?? [])]));
  const near = closest(word, names) ?? names.find((name) => name.startsWith(word));
  return new CliError(`unknown command "${word}" for "${path}"`, {
    hint: near ? `did you mean "${near}"?` : `see ${path} --help for the commands there are.`,
  });
}

export interface Parsed {
  values: Record<string, boolean | number | string | string[]>;
  args: string[];
}

/** Parses what follows a command's name, the global flags among it. */
export function parseArgs(words: readonly string[], command: Pick<Command, "flags" | "passAfter">): Parsed {
  const flags: Flags = { ...globalFlags, ...command.flags };
  const values: Parsed["values"] = {};
  for (const [name, flag] of Object.entries(flags)) values[name] = emptyValue(flag);
  const args: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (command.passAfter !== undefined && args.length >= command.passAfter) {
      args.push(...words.slice(i));
      break;
    }
    if (word === "--") {
      args.push(...words.slice(i + 1));
      break;
    }
    const next = () => words[++i];
    if (word.startsWith("--")) parseLong(word, flags, values, next);
    else if (word.startsWith("-") && word.length > 1) parseShort(word, flags, values, next);
    else args.push(word);
  }
  return { values, args };
}

function emptyValue(flag: Flag): boolean | number | string | string[] {
  if (flag.kind === "bool") return false;
  if (flag.kind === "list") return [];
  return flag.default ?? (flag.kind === "int" ? 0 : "");
}

function parseLong(word: string, flags: Flags, values: Parsed["values"], next: () => string | undefined): void {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (!flag) {
    const near = closest(name, Object.keys(flags));
    throw new CliError(`unknown flag: --${name}`, { hint: near && name.length > 1 ? `did you mean --${near}?` : undefined });
  }
  let value = equals < 0 ? undefined : word.slice(equals + 1);
  if (value === undefined && flag.kind !== "bool" && flag.kind !== "optional") {
    value = next();
    if (value === undefined) throw new CliError(`flag needs an argument: --${name}`);
  }
  setValue(values, name, flag, value);
}

function parseShort(word: string, flags: Flags, values: Parsed["values"], next: () => string | undefined): void {
  for (let i = 1; i < word.length; i++) {
    const letter = word[i];
    const [name, flag] = Object.entries(flags).find(([, candidate]) => candidate.short === letter) ?? [];
    if (name === undefined || flag === undefined) throw new CliError(`unknown shorthand flag: '${letter}' in ${word}`);
    if (flag.kind === "bool" && word[i + 1] !== "=") {
      setValue(values, name, flag, undefined);
      continue;
    }
    const joined = word.slice(i + 1).replace(/^=/, "");
    const value = word.length > i + 1 ? joined : flag.kind === "optional" ? undefined : next();
    if (value === undefined && flag.kind !== "optional") throw new CliError(`flag needs an argument: '${letter}' in ${word}`);
    setValue(values, name, flag, value);
    return;
  }
}

function setValue(values: Parsed["values"], name: string, flag: Flag, value: string | undefined): void {
  const invalid = (expected: string) => new CliError(`invalid argument "${value}" for "--${name}" flag: ${expected}`);
  switch (flag.kind) {
    case "bool":
      if (value !== undefined && !/^(1|t|true|0|f|false)$/i.test(value)) throw invalid("expected true or false");
      values[name] = value === undefined || /^(1|t|true)$/i.test(value);
      return;
    case "int":
      if (!/^-?\d{1,15}$/.test(value ?? "")) throw invalid("expected a whole number");
      values[name] = Number(value);
      return;
    case "list":
      (values[name] as string[]).push(value ?? "");
      return;
    default:
      values[name] = value ?? flag.bare ?? "";
  }
}
