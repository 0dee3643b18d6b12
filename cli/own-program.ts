// This program, as it was started: a file that Node runs, or an executable of its own, which needs no Node.
import { realpathSync } from "node:fs";
import { dirname } from "node:path";

const isExecutable = () => /\$bunfs|^\/\$|~BUN/.test(process.argv[1] ?? "");

/** What starts it again: a program, and the arguments before all others. */
export function ownProgram(): [string, string[]] {
  return isExecutable() ? [process.execPath, []] : [process.execPath, [...process.execArgv, process.argv[1] ?? ""]];
}

/** What starts a program of ours that lies beside it and takes Node. */
export function programBeside(name: string): string[] {
  if (isExecutable()) return [`${dirname(realpathSync(process.execPath))}/${name}`];
  return [process.execPath, `${dirname(realpathSync(process.argv[1] ?? ""))}/${name}`];
}
