// Starts dist/berth-images, which does with images on this machine what the client itself does not know how to:
// building them, and writing trees of them.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { CliError } from "./errors.ts";
import { programBeside } from "./own-program.ts";

/** Namespaces whose end takes all mounts and processes of a build along, however it ends. */
const apart = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "--"];

export interface ToolOptions {
  /** In namespaces of its own; takes root. */
  isolated?: boolean;
  /** Nothing of what it says is shown. */
  quiet?: boolean;
}

interface Answer {
  result?: unknown;
  error?: { message: string; hint?: string };
}

function parseAnswer(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return undefined; // it was ended in the middle
  }
}

/** Asks the program for one thing. Throws what it answers as an error; Ctrl-C ends both. */
export function callImageTool<T>(verb: string, request: unknown, { isolated = false, quiet = false }: ToolOptions = {}): Promise<T> {
  const program = programBeside("berth-images");
  const file = program.at(-1) ?? "";
  if (!existsSync(file)) return Promise.reject(new CliError(`${file} is missing, which does this on your own machine`, { hint: "put berth-images and recipes of the same build beside this program; it takes Node." }));
  const command = [...program, verb, JSON.stringify(request)];
  const [tool = "", ...args] = isolated ? ["unshare", ...apart, ...command] : command;
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { stdio: ["pipe", "pipe", quiet ? "ignore" : "inherit"] });
    let answer = "";
    let interrupted = false;
    const onInterrupt = () => {
      interrupted = true; // the terminal tells the child, too; when we end, it sees its standard input end
      child.stdin?.end();
    };
    process.on("SIGINT", onInterrupt).on("SIGTERM", onInterrupt);
    child.stdin?.on("error", () => {});
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      answer += text;
    });
    child.on("error", (cause) => reject(new CliError(`${tool} was not found on this machine`, { hint: "apt install util-linux", cause })));
    child.on("close", (code) => {
      process.off("SIGINT", onInterrupt).off("SIGTERM", onInterrupt);
      const { result, error } = parseAnswer(answer) ?? {};
      if (interrupted) reject(new CliError("Interrupted: nothing was made", { exitCode: 130 }));
      else if (error) reject(new CliError(error.message, { hint: error.hint }));
      else if (result === undefined) reject(new CliError(`berth-images ended with ${code === null ? "a signal" : `status ${code}`}`));
      else resolve(result as T);
    });
  });
}
