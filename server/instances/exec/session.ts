// One program run in an instance: its streams tied to websockets, its end told by the operation.
import { closeSync, fchownSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:os";
import { ReadStream } from "node:tty";
import type { WebSocket } from "ws";
import { fail } from "../../api/errors.ts";
import { signalProcess } from "../../host/pidfd.ts";
import { expectCgroupMoves } from "../../host/cgroup-moves.ts";
import { spawnError } from "../../host/run.ts";
import { growPipe, makePipe, openPty, resizePty } from "../../host/libc.ts";
import type { Spawned } from "../../host/spawn.ts";
import { type AttachSpec, attach, signalAttached } from "../../lxc/attach.ts";
import { parseControl, sizeIn } from "./control.ts";
import type { ExecSockets } from "./sockets.ts";
import { carryInbound, PipeOutput, TerminalOutput } from "./streams.ts";

export interface Program extends Omit<AttachSpec, "stdio"> {
  /** Host ids of the user it runs as. */
  owner: { uid: number; gid: number };
}
export interface Size {
  width: number;
  height: number;
}

const pipeSize = 1024 * 1024;

const signalInterval = 10;
const signalTries = 500;

/** 128+n when a signal ended it. */
async function exitStatus(child: Spawned): Promise<number> {
  const { code, signal } = await child.exit;
  return code ?? 128 + (signal ?? 0);
}

/** Starts the program; `theirs` are closed once it has them, and `ours` too when it cannot be started. */
function attachTo(spec: AttachSpec, theirs: readonly number[], ours: readonly number[]): Spawned {
  expectCgroupMoves();
  try {
    return attach(spec);
  } catch (cause) { // arguments that are too long, for instance
    for (const fd of ours) closeSync(fd);
    throw spawnError("lxc-attach", cause);
  } finally {
    for (const fd of theirs) closeSync(fd);
  }
}

function killAttached(child: Spawned): void {
  if (!child.isRunning()) return;
  if (!signalAttached(child.pid, constants.signals.SIGKILL)) signalProcess(child.pid, constants.signals.SIGKILL);
}

/** Runs a program on three pipes. Resolves with its exit status once all it wrote was sent. */
export async function runPiped(program: Program, sockets: ExecSockets): Promise<number> {
  const [stdin, stdout, stderr] = [makePipe(), makePipe(), makePipe()];
  // A guest opens /dev/stdout by its path only if the pipe is its own.
  for (const fd of [stdin.read, stdout.write, stderr.write]) fchownSync(fd, program.owner.uid, program.owner.gid);
  growPipe(stdout.write, pipeSize);
  growPipe(stdin.read, pipeSize);
  const theirs = [stdin.read, stdout.write, stderr.write] as const;
  const child = attachTo({ ...program, stdio: theirs }, theirs, [stdin.write, stdout.read, stderr.read]);
  const status = exitStatus(child);
  const input = new Socket({ fd: stdin.write, readable: false, writable: true });
  const outputs = ([["1", stdout.read], ["2", stderr.read]] as const).map(([name, fd]) => {
    const ws = sockets.get(name);
    if (!ws) throw fail("websocket_timeout");
    ws.resume();
    return { stream: new PipeOutput(fd, ws), ws };
  });
  const streams = outputs.map(({ stream }) => stream);
  sockets.whenConnected("0", (ws) => carryInbound(ws, input, true));
  endWithClient(child, sockets, outputs[0]?.ws);
  try {
    const code = await status;
    await Promise.all(streams.map((stream) => stream.drain()));
    return code;
  } finally {
    for (const stream of streams) stream.finishFrame();
    input.destroy();
    for (const stream of streams) stream.destroy();
  }
}

/** Runs a program on a terminal. */
export async function runInteractive(program: Program, sockets: ExecSockets, size: Size): Promise<number> {
  const pty = openPty(size.width || 80, size.height || 25);
  // The slave stays open here until all is read: at a hang-up libuv takes the first short read for the end, and the rest is lost.
  const child = attachTo({ ...program, stdio: [pty.path, pty.slave, pty.slave] }, [], [pty.master, pty.slave]);
  const status = exitStatus(child);
  const terminal = new ReadStream(pty.master, { readable: true, writable: true });
  const ws = sockets.get("0");
  if (!ws) throw fail("websocket_timeout");
  const output = new TerminalOutput(terminal, pty.master, ws);
  carryInbound(ws, terminal, false);
  endWithClient(child, sockets, ws, ({ width, height }) => {
    if (!terminal.destroyed) resizePty(pty.master, width, height);
  });
  terminal.resume();
  try {
    const code = await status;
    await output.drain();
    return code;
  } finally {
    output.finishFrame();
    terminal.destroy();
    closeSync(pty.slave);
  }
}

/** Obeys the control websocket, and ends the program when its client is gone. */
function endWithClient(child: Spawned, sockets: ExecSockets, main: WebSocket | undefined, resize?: (size: Size) => void): void {
  let hasControl = false;
  sockets.whenConnected("control", (control) => {
    hasControl = true;
    control.on("message", (data: Buffer) => obey(child, data, resize));
    control.once("close", () => killAttached(child));
    control.resume();
  });
  main?.once("close", () => {
    if (!hasControl) killAttached(child);
  });
}

function obey(child: Spawned, data: Buffer, resize?: (size: Size) => void): void {
  const message = parseControl(data);
  if (!message) return;
  const size = sizeIn(message);
  if (size) resize?.(size);
  const { signal } = message;
  if (message.command === "signal" && Number.isInteger(signal) && signal !== undefined && signal > 0 && signal < 65) {
    void passSignal(child, signal);
  }
}

/** A signal may come before lxc-attach has begun the program: it waits for that. */
async function passSignal(child: Spawned, signal: number): Promise<void> {
  for (let i = 0; i < signalTries && child.isRunning() && !signalAttached(child.pid, signal); i++) {
    await new Promise((resolve) => setTimeout(resolve, signalInterval));
  }
}

/** Runs a program with nobody attached; what it writes goes to files, or nowhere. */
export async function runRecorded(program: Program, files: { stdout: string; stderr: string } | undefined): Promise<number> {
  const fds = files ? [openSync(files.stdout, "w", 0o600), openSync(files.stderr, "w", 0o600)] as const : undefined;
  return await exitStatus(attachTo({ ...program, stdio: ["/dev/null", fds?.[0] ?? "/dev/null", fds?.[1] ?? "/dev/null"] }, fds ?? [], []));
}
