// Hands the whole terminal to another berth: a shell in an instance, or its console.
import { spawn } from "node:child_process";
import { CliError } from "../errors.ts";
import { ownProgram } from "../own-program.ts";

/** Runs `berth WORDS` on our terminal; resolves when it has ended. Throws when it could not be done. */
export function runOnTerminal(words: readonly string[]): Promise<void> {
  const [program, before] = ownProgram();
  process.stdin.pause(); // what is typed is the other's
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...before, ...words], { stdio: "inherit" });
    child.once("error", (cause) => reject(new CliError(`berth could not be started: ${cause.message}`, { cause })));
    child.once("exit", () => resolve());
  });
}
