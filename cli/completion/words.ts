// What can stand where the cursor is: commands, flags, or names of what a command's usage asks for.
import { type Command, type Entry, type Flag, type Flags, globalFlags, type Group, isGroup } from "../command.ts";

/** Kinds of things whose names are looked up; `files` leaves it to the shell. */
export type Wanted = { kind: "words"; words: string[] } | { kind: "names"; of: string; typed: string; before: readonly string[] } | { kind: "files" };

const none: Wanted = { kind: "words", words: [] };

/** What values flags take. */
const flagNames: Readonly<Record<string, string>> = { profile: "profile", network: "network", storage: "pool", project: "project", "target-project": "project", remote: "remote" };
const flagWords: Readonly<Record<string, readonly string[]>> = {
  format: ["table", "csv", "json", "yaml", "compact"], mode: ["auto", "interactive", "non-interactive"], protocol: ["lxd", "simplestreams"], type: [],
};

/** `words` are those after the program's name; the last one, which may be empty, is the one that is typed. */
export function wantedAt(root: Group, words: readonly string[], aliases: readonly string[] = []): Wanted {
  const typed = words.at(-1) ?? "";
  let entry: Entry = root;
  const args: string[] = [];
  let taking: Flag | undefined;
  let takingName = "";
  let isLiteral = false;
  for (const word of words.slice(0, -1)) {
    if (taking) {
      taking = undefined;
      continue;
    }
    if (!isLiteral && word.startsWith("-") && word.length > 1) {
      if (word === "--") isLiteral = true;
      else [takingName, taking] = flagThatTakes(entry, word);
      continue;
    }
    const child: Entry | undefined = isGroup(entry) ? entry.commands.find((it) => it.name === word || (!isGroup(it) && it.aliases?.includes(word))) : undefined;
    if (child) entry = child;
    else args.push(word);
  }
  if (taking) return valuesOf(takingName, typed);
  const joined = /^--([a-z-]+)=(.*)$/.exec(typed);
  if (joined && !isLiteral) return withPrefix(valuesOf(joined[1] ?? "", joined[2] ?? ""), `--${joined[1]}=`);
  if (typed.startsWith("-") && !isLiteral) return { kind: "words", words: flagsOf(entry) };
  if (isGroup(entry)) return args.length > 0 ? none : { kind: "words", words: [...commandsOf(entry), ...(entry === root ? aliases : [])] };
  return argumentAt(entry, args, typed);
}

function flagTable(entry: Entry): Flags {
  return isGroup(entry) ? globalFlags : { ...globalFlags, ...(entry.flags as Flags | undefined) };
}

function flagThatTakes(entry: Entry, word: string): [string, Flag | undefined] {
  if (word.includes("=")) return ["", undefined];
  const name = word.startsWith("--") ? word.slice(2) : (Object.entries(flagTable(entry)).find(([, flag]) => flag.short === word.at(-1))?.[0] ?? "");
  const flag = flagTable(entry)[name];
  return [name, flag && flag.kind !== "bool" && flag.kind !== "optional" ? flag : undefined];
}

function flagsOf(entry: Entry): string[] {
  return Object.entries(flagTable(entry)).filter(([, flag]) => !flag.hidden).map(([name, flag]) => `--${name}\t${flag.description}`);
}

function commandsOf(group: Group): string[] {
  return group.commands.filter((it) => !it.hidden).map((it) => `${it.name}\t${it.summary}`);
}

function valuesOf(name: string, typed: string): Wanted {
  const of = flagNames[name];
  if (of !== undefined) return { kind: "names", of, typed, before: [] };
  return { kind: "words", words: [...(flagWords[name] ?? [])] };
}

function withPrefix(wanted: Wanted, prefix: string): Wanted {
  return wanted.kind === "words" ? { kind: "words", words: wanted.words.map((word) => prefix + word) } : wanted;
}

/** The word of a usage line for the argument that is typed: `<instance>`, `[<key>=<value>...]`; a last one that repeats goes on. */
function argumentAt(command: Command, args: readonly string[], typed: string): Wanted {
  const words = (command.usage ?? "").split(/\s+(?=[[<])/).filter((word) => /^\[?</.test(word) && word !== "[flags]");
  const word = words[args.length] ?? (/\.\.\./.test(words.at(-1) ?? "") ? words.at(-1) : undefined);
  if (word === undefined) return none;
  const of = /<([^>]*)>/.exec(word)?.[1] ?? "";
  if (/path|tarball|directory|target$/.test(of)) return { kind: "files" };
  return { kind: "names", of, typed, before: args };
}
