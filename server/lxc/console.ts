// A line to a container's console, through lxc-console: it keeps liblxc's connection and carries the bytes.
import { closeSync, readdirSync, readlinkSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, makePipe, makeRaw, pidfdGetfd, pidfdOpen, resizePty } from "../host/libc.ts";
import { signalProcess } from "../host/pidfd.ts";
import { childEnv, findProgram } from "../host/run.ts";
import { type Exit, type Spawned, spawnProgram } from "../host/spawn.ts";

/** How long liblxc may take to let a line go whose holder has just been ended, in ms. */
const patience = 6000;
const SIGWINCH = 28;

export interface ConsoleLine {
  /** What is written here is typed. */
  input: number;
  /** What the guest writes; somebody has to read it. */
  output: number;
  /** Resolves when the line is down: the container has ended, or `hangUp` was called. */
  down: Promise<Exit>;
  resize(width: number, height: number): void;
  hangUp(): void;
  /** Frees what is held besides `input` and `output`. */
  close(): void;
}

/** Attaches to a console; undefined when it stays taken by another, or the container has ended. */
export async function openConsole(lxcPath: string, name: string, monitor: number): Promise<ConsoleLine | undefined> {
  for (const until = Date.now() + patience; ; await sleep(50)) {
    const line = await dial(lxcPath, name, monitor);
    if (line || Date.now() > until) return line;
  }
}

async function dial(lxcPath: string, name: string, monitor: number): Promise<ConsoleLine | undefined> {
  // Pipes instead of a terminal: lxc-console would change the terminal's modes, and throw away what was typed before.
  const [stdin, stdout] = [makePipe(), makePipe()];
  let line: ConsoleLine | undefined;
  try {
    const dialler = startDialler(lxcPath, name, stdin.read, stdout.write);
    const terminal = await takeTerminal(dialler);
    if (terminal !== undefined) line = makeLine(dialler, terminal, monitor, stdin.write, stdout.read);
  } finally {
    for (const fd of [stdin.read, stdout.write, ...(line ? [] : [stdin.write, stdout.read])]) closeSync(fd);
  }
  return line;
}

function startDialler(lxcPath: string, name: string, input: number, output: number): Spawned {
  // lxc-console takes the code of the letter, less that of Y, for its escape key: Y is none, on every processor.
  const args = ["lxc-console", "-P", lxcPath, "-n", name, "-t", "0", "-e", "Y", "-q"];
  return spawnProgram({ program: findProgram("lxc-console"), args, env: childEnv(), cwd: "/", stdio: [input, output, "/dev/null"] });
}

/** A copy of the terminal that liblxc has handed to lxc-console; undefined when that has ended without one. */
async function takeTerminal(dialler: Spawned): Promise<number | undefined> {
  while (dialler.isRunning()) {
    const fd = findTerminal(dialler.pid);
    if (fd !== undefined) return copyOf(dialler.pid, fd);
    await sleep(2);
  }
  return undefined;
}

function findTerminal(pid: number): number | undefined {
  try {
    const folder = `/proc/${pid}/fd`;
    const found = readdirSync(folder).find((fd) => /\/ptmx$/.test(readlinkSync(`${folder}/${fd}`)));
    return found === undefined ? undefined : Number(found);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES")) return undefined;
    throw error;
  }
}

function copyOf(pid: number, fd: number): number | undefined {
  let process: number | undefined;
  try {
    process = pidfdOpen(pid);
    const terminal = pidfdGetfd(process, fd);
    makeRaw(terminal); // liblxc's own terminal in between would add carriage returns
    return terminal;
  } catch (error) {
    if (hasCode(error, "ESRCH", "EBADF")) return undefined;
    throw error;
  } finally {
    if (process !== undefined) closeSync(process);
  }
}

function makeLine(dialler: Spawned, terminal: number, monitor: number, input: number, output: number): ConsoleLine {
  let open = true;
  return {
    input, output, down: dialler.exit,
    resize(width, height) {
      if (!open) return;
      resizePty(terminal, width, height);
      signalProcess(monitor, SIGWINCH); // liblxc's monitor takes the size over to the guest's own
    },
    hangUp() {
      if (dialler.isRunning()) signalProcess(dialler.pid, constants.signals.SIGKILL);
    },
    close() {
      if (open) closeSync(terminal);
      open = false;
    },
  };
}
