// Runs a program for a test: its output, whole, and its exit status. Never throws because of what the program did.
import { spawn } from "node:child_process";

export interface Result {
  stdout: string;
  stderr: string;
  /** The exit status; -1 when a signal ended it. */
  code: number;
}

export interface ExecOptions {
  input?: string;
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Milliseconds after which it is killed; two minutes when absent. */
  timeout?: number;
}

export function exec(program: string, args: readonly string[], options: ExecOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeout ?? 120_000,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdin.on("error", () => {}); // it may end without reading
    child.stdin.end(options.input ?? "");
    child.on("error", reject);
    child.on("close", (code) => resolve({ stdout, stderr, code: code ?? -1 }));
  });
}

/** Runs a program that must succeed; resolves with its standard output. */
export async function execOk(program: string, args: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { stdout, stderr, code } = await exec(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with status ${code}\n${stderr || stdout}`);
  return stdout;
}
