// The forwarder as a process: found again or started so that it outlives the daemon, asked, and ended.
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fail } from "../../api/errors.ts";
import { hasCode } from "../../host/libc.ts";
import { signalProcess } from "../../host/pidfd.ts";
import { childEnv } from "../../host/run.ts";
import { spawnProgram } from "../../host/spawn.ts";
import { forwarderFiles, type Reply, type Request } from "./spec.ts";

const program = fileURLToPath(new URL("./berth-forwarder", import.meta.url));
const SIGKILL = 9;

/** Milliseconds that it may take to answer, or to be ready. */
const patience = 10_000;

/** A forwarder that is connected. */
export interface Forwarder {
  /** Throws when it ends before it has answered. Requests are answered in their order. */
  ask(request: Request): Promise<Reply>;
  /** Resolves when the connection is over. */
  readonly gone: Promise<void>;
  /** Leaves it alone; it goes on. */
  leave(): void;
}

function converse(socket: Socket): Forwarder {
  const waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] = [];
  let text = "";
  socket.setEncoding("utf8");
  socket.on("error", () => {}); // "close" follows
  socket.on("data", (chunk: string) => {
    const lines = (text + chunk).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) waiting.shift()?.resolve(JSON.parse(line) as Reply);
  });
  const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  void gone.then(() => {
    for (const { reject } of waiting.splice(0)) reject(new Error("the forwarder has ended"));
  });
  return {
    gone,
    ask(request) {
      const timer = setTimeout(() => socket.destroy(), patience); // it hangs: whoever waits hears that it is gone
      const reply = new Promise<Reply>((resolve, reject) => {
        if (socket.destroyed) return reject(new Error("the forwarder has ended"));
        waiting.push({ resolve, reject });
        socket.write(`${JSON.stringify(request)}\n`);
      });
      return reply.finally(() => clearTimeout(timer));
    },
    leave: () => socket.destroy(),
  };
}

/** Connects to a forwarder that runs; undefined when none does. */
export function findForwarder(dir: string): Promise<Forwarder | undefined> {
  const { socket: path } = forwarderFiles(dir);
  if (!existsSync(path)) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(converse(socket.removeAllListeners("error"))));
    socket.once("error", (error) => (hasCode(error, "ECONNREFUSED", "ENOENT") ? resolve(undefined) : reject(error)));
  });
}

/** The pid of the last forwarder that was started, if that process still is one. */
function pidOf(dir: string): number | undefined {
  try {
    const pid = Number(readFileSync(forwarderFiles(dir).pid, "utf8"));
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(dir) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Waits until the last forwarder is gone, for a second at most. */
async function waitForEnd(dir: string): Promise<void> {
  for (let tries = 0; tries < 500 && pidOf(dir) !== undefined; tries++) await sleep(2);
}

/** Ends a forwarder that does not answer, and waits until its sockets are free. */
export async function killForwarder(dir: string): Promise<void> {
  const pid = pidOf(dir);
  if (pid !== undefined && signalProcess(pid, SIGKILL)) await waitForEnd(dir);
}

/** Starts a forwarder. Throws `proxy_forwarder_failed` with its last words. */
export async function startForwarder(dir: string): Promise<Forwarder> {
  const files = forwarderFiles(dir);
  await killForwarder(dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  rmSync(files.socket, { force: true });
  const log = openSync(files.log, "w", 0o600);
  let child: ReturnType<typeof spawnProgram>;
  try {
    child = spawnProgram({ program: process.execPath, args: ["node", program, dir], env: childEnv(), cwd: "/", stdio: ["/dev/null", log, log] });
  } finally {
    closeSync(log);
  }
  writeFileSync(files.pid, String(child.pid), { mode: 0o600 });
  for (const deadline = Date.now() + patience; child.isRunning() && Date.now() < deadline; await sleep(3)) {
    const forwarder = await findForwarder(dir);
    if (forwarder) return forwarder;
  }
  signalProcess(child.pid, SIGKILL);
  throw fail("proxy_forwarder_failed", { reason: readFileSync(files.log, "utf8").trim().slice(-500) || "it did not answer", log: files.log });
}

/** Waits until a forwarder that has nothing left to do is gone, and removes what it leaves. */
export async function forgetForwarder(dir: string, forwarder: Forwarder): Promise<void> {
  await forwarder.gone;
  await waitForEnd(dir);
  rmSync(dir, { recursive: true, force: true });
}
