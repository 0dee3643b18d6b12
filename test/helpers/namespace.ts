// A network and mount namespace for one daemon, held open by a process, so that a restarted daemon finds the same one.
import { type ChildProcess, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { exec } from "./exec.ts";
import { runId } from "./folder.ts";
import { familyOf, signal } from "./processes.ts";
import { eventually } from "./wait.ts";

const script = fileURLToPath(new URL("namespace.sh", import.meta.url));
let count = 0;

export class Namespace {
  readonly name: string;
  readonly #holder: ChildProcess;
  readonly #mounts: string;

  private constructor(name: string, holder: ChildProcess) {
    this.name = name;
    this.#holder = holder;
    this.#mounts = readlinkSync(`/proc/${holder.pid}/ns/mnt`);
  }

  /** Makes one with a name of its own: berth-test-<run>-<pid>-<n>. */
  static async make(prefix = "berth-test"): Promise<Namespace> {
    count += 1;
    const name = `${prefix}-${runId}-${process.pid}-${count}`;
    const holder = spawn(script, [name, "sh", "-c", "echo ready; exec sleep infinity"], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let ready = false;
    const died = new Promise<never>((_, reject) => {
      holder.once("error", reject);
      holder.once("exit", (code) => ready || reject(new Error(`cannot make the namespace ${name} (status ${code}): ${output.trim()}`)));
    });
    holder.stderr.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    const said = new Promise<void>((resolve) => {
      holder.stdout.on("data", (chunk: Buffer) => {
        if (!chunk.toString().includes("ready")) return;
        ready = true;
        resolve();
      });
    });
    await Promise.race([said, died]);
    holder.unref();
    return new Namespace(name, holder);
  }

  /** The command line that runs a program inside. */
  wrap(program: string, args: readonly string[]): [string, string[]] {
    return ["nsenter", ["--target", String(this.#holder.pid), "--mount", "--net", "--", program, ...args]];
  }

  /** All processes inside, and those of the containers that were started inside. */
  family(): ReturnType<typeof familyOf> {
    return familyOf(this.#mounts).filter(({ pid }) => pid !== this.#holder.pid);
  }

  /** Ends everything inside and removes it. Its mounts go with its last process. */
  async remove(): Promise<void> {
    const pids = () => this.family().map(({ pid }) => pid);
    for (let i = 0; i < 50 && pids().length > 0; i++) {
      signal(pids(), "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const gone = new Promise((resolve) => this.#holder.once("exit", resolve));
    if (this.#holder.exitCode === null && this.#holder.signalCode === null) {
      this.#holder.ref();
      this.#holder.kill("SIGKILL");
      await gone;
    }
    await eventually(async () => (await exec("ip", ["netns", "delete", this.name])).code === 0, { what: `ip netns delete ${this.name}` });
  }
}
