// The forwarder: serves proxy devices for as long as there are any, whether a daemon is there or not.
// usage: berth-forwarder FOLDER
import { existsSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { Epoll } from "../../../host/epoll.ts";
import { type ForwarderFault, forwarderFiles, protocolVersion, type Reply, type Request } from "../spec.ts";
import { ListenError } from "./listen.ts";
import { ServedProxy } from "./proxy.ts";

const folder = process.argv[2] ?? "";
const files = forwarderFiles(folder);
const epoll = new Epoll();
const proxies = new Map<string, ServedProxy>();

/** At most so many lines of log a minute: clients may cause one each. */
const linesAMinute = 30;
let lines = 0;
setInterval(() => (lines = 0), 60_000);

function warn(message: string): void {
  if (++lines <= linesAMinute) process.stderr.write(`${new Date().toISOString()} ${message}\n`);
}

function faultOf(error: unknown): ForwarderFault {
  const { message } = error as Error;
  if (error instanceof ListenError) return { code: error.code, message, address: error.address };
  return { code: String((error as { code?: unknown }).code ?? ""), message };
}

function carryOut(request: Request): void {
  if (request.do === "list") return;
  if (request.do === "quit") return end();
  const key = request.do === "add" ? request.proxy.key : request.key;
  proxies.get(key)?.close();
  proxies.delete(key);
  if (request.do === "add") proxies.set(key, new ServedProxy(request.proxy, epoll, warn));
}

function answer(line: string): Reply {
  let error: ForwarderFault | undefined;
  try {
    carryOut(JSON.parse(line) as Request);
  } catch (thrown) {
    error = faultOf(thrown);
  }
  return { version: protocolVersion, proxies: [...proxies.values()].map(({ spec }) => spec), ...(error ? { error } : {}) };
}

/** By a signal: an orderly exit would wait for the thread that waits in the kernel. */
function end(): void {
  for (const proxy of proxies.values()) proxy.close();
  rmSync(files.socket, { force: true });
  process.kill(process.pid, "SIGKILL");
}

/** It ends itself once it has answered that nothing is left to serve. */
function serve(daemon: Socket): void {
  daemon.on("error", () => {});
  createInterface({ input: daemon }).on("error", () => {}).on("line", (line) => {
    daemon.write(`${JSON.stringify(answer(line))}\n`, () => {
      if (proxies.size === 0) end();
    });
  });
}

process.setgroups?.([]);
process.on("SIGTERM", end);
process.on("SIGHUP", () => {});
process.on("uncaughtException", (error) => warn(`fault: ${error.stack}`)); // of one connection: the others go on
if (existsSync(files.socket)) rmSync(files.socket);
createServer(serve).listen(files.socket);
