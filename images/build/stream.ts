// Runs a program whose output is for the user's eyes while it runs. Its last lines are kept for the error.
import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { makePipe } from "../../server/host/libc.ts";
import { childEnv, spawnError } from "../../server/host/run.ts";

/** Where lines for the user go. */
export type Log = (line: string) => void;

export interface StreamOptions {
  log: Log;
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

export interface Ending {
  /** null when a signal ended it. */
  code: number | null;
  /** The last lines it wrote. */
  words: string;
}

const keptLines = 12;
const lineLimit = 2000;

/** Whatever a program wrote, as one line that moves no cursor. */
function cleanLine(line: string): string {
  return line.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replace(/[\0-\x08\x0b-\x1f\x7f]/g, "").slice(0, lineLimit).trimEnd();
}

/** Resolves when the program has ended. It leads a session of its own: Ctrl-C reaches it through `signal` only. */
export function runStreamed(tool: string, args: readonly string[], { log, env, signal }: StreamOptions): Promise<Ending> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const pipe = makePipe(); // a real one: programs open /dev/stdout
    const child = spawn(tool, args, { cwd: "/", env: childEnv(env), stdio: ["ignore", pipe.write, pipe.write], detached: true });
    closeSync(pipe.write);
    const output = new Socket({ fd: pipe.read, readable: true, writable: false });
    const decoder = new StringDecoder("utf8");
    const last: string[] = [];
    let rest = "";
    const take = (text: string, end = false) => {
      const lines = (rest + text).split(/\r\n|\n|\r/);
      rest = end ? "" : (lines.pop() ?? "").slice(-lineLimit);
      for (const line of lines.map(cleanLine)) {
        if (line === "") continue;
        log(line);
        last.push(line);
        if (last.length > keptLines) last.shift();
      }
    };
    output.on("data", (chunk: Buffer) => take(decoder.write(chunk)));
    output.on("error", () => {}); // it ends by the end of the program
    const closed = new Promise<void>((done) => output.once("close", () => done()));
    const abort = () => {
      try {
        if (child.pid) process.kill(-child.pid, "SIGKILL");
      } catch {
        // it has just ended
      }
    };
    signal?.addEventListener("abort", abort, { once: true });
    child.once("error", (cause) => {
      output.destroy();
      reject(spawnError(tool, cause));
    });
    child.once("exit", async (code) => {
      signal?.removeEventListener("abort", abort);
      const late = setTimeout(() => output.destroy(), 1000); // what it left running may hold the pipe open
      await closed;
      clearTimeout(late);
      take(decoder.end(), true);
      if (signal?.aborted) reject(signal.reason);
      else resolve({ code, words: last.join("\n") });
    });
  });
}
