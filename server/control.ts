// What `berthd shutdown` and `berthd waitready` do: talk to the berthd that runs.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "./api/errors.ts";

interface Reply {
  error?: string;
  metadata?: { environment?: { server_pid?: number } };
}

/** `timeout` in ms; 0 waits for ever. */
function call(socketPath: string, method: string, path: string, timeout = 0): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, agent: false, ...(timeout > 0 ? { timeout } : {}) }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (part) => {
        text += part;
      });
      incoming.on("error", reject).on("end", () => resolve(JSON.parse(text)));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time"))).on("error", reject).end();
  });
}

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Whether `test` came true in time: seconds, 0 for ever. */
async function within(seconds: number, test: () => boolean | Promise<boolean>): Promise<boolean> {
  const until = seconds > 0 ? Date.now() + seconds * 1000 : Number.POSITIVE_INFINITY;
  for (;;) {
    if (await test()) return true;
    if (Date.now() > until) return false;
    await sleep(20);
  }
}

/** Has berthd stop all instances and end; resolves once it has. Throws after `timeout` seconds (0: never); it goes on then. */
export async function shutDown(socket: string, timeout: number, force: boolean): Promise<void> {
  const server = await call(socket, "GET", "/1.0").catch((error: Error) => {
    throw fail("bad_request", { reason: `berthd does not run: no answer on ${socket} (${error.message})` });
  });
  let failed: string | undefined;
  void call(socket, "PUT", `/internal/shutdown${force ? "?force=true" : ""}`).then(({ error }) => {
    if (error) failed = error;
  }, () => {}); // it ended before it could answer
  const pid = server.metadata?.environment?.server_pid ?? 0;
  const over = await within(timeout, () => failed !== undefined || !isAlive(pid));
  if (failed) throw fail("bad_request", { reason: failed });
  if (!over) throw fail("bad_request", { reason: `berthd is still running after ${timeout}s timeout` });
}

/** Resolves once berthd serves. Throws after `timeout` seconds (0: never). */
export async function waitReady(socket: string, timeout: number): Promise<void> {
  const serves = () => call(socket, "GET", "/1.0", 5000).then(({ metadata }) => metadata !== undefined, () => false);
  if (!(await within(timeout, serves))) throw fail("bad_request", { reason: `berthd is still not running after ${timeout}s timeout` });
}
