// Serves a simplestreams tree over https: its lists and its files, and nothing else of the folder.
import { createReadStream, type ReadStream, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { CliError } from "../../errors.ts";

const served = /^\/(streams\/v1\/(index|images)\.json|images\/[0-9a-f]{64}\.[a-z_.]+)$/;

/** The host and port of `[host]:port`. */
export function parseListen(text: string): { host: string | undefined; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) throw new CliError(`"${text}" is no address to listen at`, { hint: "write [host]:port, as in :8443 or 127.0.0.1:8443." });
  return { host: bracketed || plain || undefined, port: Number(port) };
}

async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? "").replace(/\?.*$/, "");
  if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405).end();
  const stats = served.test(path) ? statSync(join(folder, path), { throwIfNoEntry: false }) : undefined;
  if (!stats?.isFile()) return void response.writeHead(404).end("not found\n");
  const from = Number(/^bytes=(\d{1,15})-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (from > 0 && from >= stats.size) return void response.writeHead(416, { "content-range": `bytes */${stats.size}` }).end();
  response.writeHead(from > 0 ? 206 : 200, {
    "content-type": path.endsWith(".json") ? "application/json" : "application/octet-stream", "content-length": stats.size - from, "accept-ranges": "bytes",
    ...(from > 0 ? { "content-range": `bytes ${from}-${stats.size - 1}/${stats.size}` } : {}),
  });
  if (request.method === "HEAD") return void response.end();
  const file: ReadStream = createReadStream(join(folder, path), { start: from });
  await pipeline(file, response);
}

/** Serves until the process is told to end. */
export async function serveTree(folder: string, listen: string, pair: { cert: Buffer; key: Buffer }, say: (line: string) => void): Promise<void> {
  const { host, port } = parseListen(listen);
  const server = createServer(pair, (request, response) => {
    answer(folder, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((done, reject) => {
    server.once("error", (cause) => reject(new CliError(`Cannot listen at ${listen}: ${cause.message}`, { cause })));
    server.listen(port, host, done);
  });
  const address = server.address() as AddressInfo;
  say(`Serving ${folder} at https://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`);
  await new Promise<void>((done) => process.once("SIGINT", () => done()).once("SIGTERM", () => done()));
  server.closeAllConnections();
}
