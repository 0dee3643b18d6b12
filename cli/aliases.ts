// The user's own commands: words that stand for others, as lxc has them.
import { CliError } from "./errors.ts";

const numbered = /@ARG(\d+)@/g;

/**
 * The command line with an alias replaced; undefined when none is meant. Arguments take the place of `@ARGS@` or stand at the
 * end; those named as `@ARG1@` only there.
 */
export function expandAlias(aliases: Readonly<Record<string, string>>, argv: readonly string[]): string[] | undefined {
  const flags = argv.slice(0, argv.findIndex((word) => !word.startsWith("-")));
  const words = argv.slice(flags.length);
  // The longest one wins: `image ls2` before `image`.
  const found = Object.keys(aliases).sort((a, b) => b.length - a.length).find((name) => name.split(" ").every((word, i) => words[i] === word));
  if (found === undefined || words.length === 0) return undefined;
  const args = words.slice(found.split(" ").length);
  const body = (aliases[found] ?? "").split(" ").filter((word) => word !== "");
  const used = new Set<number>();
  const replaced = body.map((word) => word.replace(numbered, (_, digits: string) => {
    const number = Number(digits);
    const value = args[number - 1];
    if (value === undefined) throw new CliError(`Found alias "${found}" references an argument outside the given number`, { hint: `it stands for: ${aliases[found]}` });
    used.add(number);
    return value;
  }));
  const rest = args.filter((_, i) => !used.has(i + 1));
  const expanded = body.includes("@ARGS@") ? replaced.flatMap((word, i) => (body[i] === "@ARGS@" ? rest : [word])) : [...replaced, ...rest];
  return [...flags, ...expanded];
}
