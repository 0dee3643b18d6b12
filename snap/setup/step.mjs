// One step of a script: one line when done, and when it fails which it was, why, and what to do about it.
import { spawn } from "node:child_process";

/** A failure whose text is meant for the person at the terminal. */
export class StepError extends Error {
  constructor(why, todo) {
    super(why);
    this.todo = todo;
  }
}

const tty = process.stdout.isTTY;
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Says a line that belongs to no step. */
export function say(line = "") {
  process.stdout.write(`${line}\n`);
}

/** Runs one step. `work` returns what it found or did, for the line; an empty result prints nothing. */
export async function step(title, work) {
  const since = performance.now();
  if (tty) process.stdout.write(`  ... ${title}\r`);
  try {
    const done = await work();
    const took = performance.now() - since > 500 ? ` (${seconds(since)})` : "";
    if (tty) process.stdout.write("\x1b[2K");
    if (done !== "") say(`  ok  ${title}${done ? `: ${done}` : ""}${took}`);
  } catch (error) {
    if (tty) process.stdout.write("\x1b[2K");
    error.step ??= title;
    throw error;
  }
}

/** Runs a program without a shell. Resolves with its output, or throws with its last lines. */
export function run(command, args, { todo, input, ok = [0], ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], ...options });
    let out = "";
    let all = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      out += text;
      all += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      all += text;
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(input ?? "");
    child.on("error", (error) => {
      const why = error.code === "ENOENT" ? `${command} was not found` : error.message;
      reject(new StepError(why, todo));
    });
    child.on("close", (code, signal) => {
      if (ok.includes(code)) return resolve(out);
      const words = all.trim().split("\n").slice(-12).map((line) => `      | ${line}`).join("\n");
      const how = signal ? `was ended by ${signal}` : `ended with status ${code}`;
      const error = new StepError(`${[command, ...args].join(" ").slice(0, 200)} ${how}${words ? `\n${words}` : ""}`, todo);
      error.status = code;
      reject(error);
    });
  });
}

/** Runs a script's steps; a failure is printed and sets the exit status. */
export async function script(name, work) {
  try {
    await work();
  } catch (error) {
    const known = error instanceof StepError;
    process.stderr.write(`\n${name} failed${error.step ? ` at: ${error.step}` : ""}\n`);
    process.stderr.write(`  why:  ${known ? error.message : (error.stack ?? error)}\n`);
    if (error.todo) process.stderr.write(`  what to do:  ${error.todo}\n`);
    process.exitCode = 1;
  }
}
