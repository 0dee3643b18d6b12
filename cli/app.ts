// The program: finds the command, parses its arguments, runs it, and says what went wrong.
import { findCommand, parseArgs } from "./args.ts";
import { type Entry, type GlobalValues, globalFlags, isGroup } from "./command.ts";
import { root } from "./commands/index.ts";
import { BrokenPipe, CliError, renderError } from "./errors.ts";
import { renderHelp } from "./help.ts";
import { writeNow } from "./output/write.ts";

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

async function dispatch(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  if (argv[0] === "help") return showHelp(argv.slice(1));
  const { entry, path, rest } = findCommand(root, argv);
  const { values, args } = parseArgs(rest, isGroup(entry) ? { flags: globalFlags } : entry);
  if (values["version"]) {
    const { version } = await import("./version.ts");
    writeNow(1, `${version}\n`);
    return 0;
  }
  if (values["help"] || isGroup(entry)) return print(entry, path);
  const [least, most] = entry.args;
  if (args.length < least || (most >= 0 && args.length > most)) {
    print(entry, path);
    if (args.length === 0) return 0;
    throw new CliError("Invalid number of arguments");
  }
  const { createContext } = await import("./context.ts");
  return (await entry.run(await createContext(values as GlobalValues, env), args, values)) ?? 0;
}

function print(entry: Entry, path: readonly string[]): number {
  writeNow(1, renderHelp(entry, path));
  return 0;
}

function showHelp(words: readonly string[]): number {
  const { entry, path } = findCommand(root, words.filter((word) => !word.startsWith("-")));
  return print(entry, path);
}
