// The program: finds the command, parses its arguments, runs it, and says what went wrong.
import { findCommand, parseArgs } from "./args.ts";
import { type Entry, type GlobalValues, globalFlags, type Group, isGroup } from "./command.ts";
import { root } from "./commands/index.ts";
import { BrokenPipe, CliError, renderError } from "./errors.ts";
import { renderHelp, renderTree } from "./help.ts";
import { writeNow } from "./output/write.ts";
import type { ClientConfig } from "./remotes/config.ts";

/** What a shell reports for a program that SIGPIPE has ended. */
const brokenPipeStatus = 141;

/** Runs a command line; resolves to the exit status. Never throws. */
export async function runProgram(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    return await dispatch(argv, env);
  } catch (error) {
    if (error instanceof BrokenPipe) return brokenPipeStatus;
    try {
      writeNow(2, renderError(error, argv.includes("--debug")));
    } catch {
      // stderr is gone, too
    }
    return error instanceof CliError ? error.exitCode : 1;
  }
}

async function dispatch(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { loadConfig } = await import("./remotes/config.ts");
  // One that cannot be read has no aliases: who needs it reads it again, and says so.
  const config = await loadConfig(env).catch(() => undefined);
  const argv = (await replaceAlias(words, config)) ?? words;
  if (argv[0]?.startsWith("/") && argv !== words) return runProgramOfUser(argv);
  if (argv[0] === "help") return showHelp(argv.slice(1));
  const { entry, path, rest } = findCommand(root, argv);
  const { values, args } = parseArgs(rest, isGroup(entry) ? { flags: globalFlags } : entry);
  if (values["version"]) {
    const { version } = await import("./version.ts");
    writeNow(1, `${version}\n`);
    return 0;
  }
  if (values["sub-commands"] && isGroup(entry)) return printTree(entry, path);
  if (values["help"] || isGroup(entry)) return print(entry, path);
  const [least, most] = entry.args;
  if (args.length < least || (most >= 0 && args.length > most)) {
    print(entry, path);
    if (args.length === 0) return 0;
    throw new CliError("Invalid number of arguments");
  }
  if (values["target"]) throw new CliError("To use --target, the destination remote must be a cluster", { hint: "Berth is never one." });
  const { createContext } = await import("./context.ts");
  const ctx = await createContext(values as GlobalValues, env, config);
  try {
    return (await entry.run(ctx, args, values)) ?? 0;
  } catch (error) {
    const { withSuggestion } = await import("./suggest.ts");
    throw await withSuggestion(ctx, error);
  }
}

/** The command line that the user's alias stands for. */
async function replaceAlias(words: readonly string[], config: ClientConfig | undefined): Promise<string[] | undefined> {
  if (!config || Object.keys(config.aliases).length === 0) return undefined;
  const { expandAlias } = await import("./aliases.ts");
  return expandAlias(config.aliases, words);
}

/** An alias may stand for any program. */
async function runProgramOfUser([command = "", ...args]: readonly string[]): Promise<number> {
  const { spawnSync } = await import("node:child_process");
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error) throw new CliError(`Processing aliases failed: ${error.message}`, { cause: error });
  return status ?? 1;
}

function print(entry: Entry, path: readonly string[]): number {
  writeNow(1, renderHelp(entry, path));
  return 0;
}

function printTree(group: Group, path: readonly string[]): number {
  writeNow(1, renderTree(group, path));
  return 0;
}

function showHelp(words: readonly string[]): number {
  const { entry, path } = findCommand(root, words.filter((word) => !word.startsWith("-")));
  return words.includes("--sub-commands") && isGroup(entry) ? printTree(entry, path) : print(entry, path);
}
