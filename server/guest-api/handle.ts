// A request of a guest's, from the socket to the answer: who may ask, how often, how much.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { isTrue } from "../api/config-keys/key.ts";
import type { Context } from "../context.ts";
import { peerUid } from "../host/peer.ts";
import { expandInstance } from "../instances/expanded.ts";
import { currentIdMap } from "../instances/idmap.ts";
import { explain, log } from "../log.ts";
import { rootIds } from "../lxc/idmap.ts";
import type { GuestEvents } from "./events.ts";
import { errorReply, GuestError, sendReply } from "./replies.ts";
import { type GuestCall, routeOf } from "./routes.ts";
import type { GuestHandlers } from "./sockets.ts";
import { Turns } from "./turns.ts";

/** The largest body, in bytes: there is only `{"state": …}`. */
const bodyLimit = 4096;

export function guestHandlers(context: () => Context, events: GuestEvents): GuestHandlers {
  const turns = new Map<number, Turns>();
  const asking = new WeakSet<object>();
  const turn = async (id: number) => {
    let own = turns.get(id);
    if (!own) turns.set(id, (own = new Turns(performance.now())));
    const wait = own.take(performance.now());
    if (wait > 0) await sleep(wait, undefined, { ref: false });
  };

  return {
    request(id, request, response) {
      // Requests sent before the last one is answered would pile up.
      if (asking.has(request.socket)) return void request.socket.destroy();
      asking.add(request.socket);
      response.once("close", () => asking.delete(request.socket));
      turn(id).then(() => answer(context(), events, id, request, response)).catch((error) => fail(error, request, response));
    },
    upgrade(id, request, socket, head) {
      socket.on("error", () => socket.destroy());
      turn(id).then(() => upgrade(context(), events, id, request, socket, head)).catch((error) => refuse(error, socket));
    },
    closed(id) {
      turns.delete(id);
      events.drop(id);
    },
  };
}

async function answer(ctx: Context, events: GuestEvents, id: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const call = callOf(ctx, id, request, request.socket);
  const { handler, takesBody } = routeOf(request.method ?? "", call);
  if (takesBody) call.body = await readBody(request);
  if (call.path === "/1.0/events") return events.stream(id, call.query, request, response);
  sendReply(response, await handler(call), !hasBody(request) || takesBody === true);
}

function upgrade(ctx: Context, events: GuestEvents, id: number, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const call = callOf(ctx, id, request, socket as Socket);
  const isEvents = call.path === "/1.0/events" && request.method === "GET" && request.headers.upgrade?.toLowerCase() === "websocket";
  if (!isEvents) throw new GuestError(400, "there is nothing to upgrade to here");
  events.connect(id, call.query, request, socket, head);
}

/** Who asks for what. Throws when it may not ask. */
function callOf(ctx: Context, id: number, request: IncomingMessage, socket: Socket): GuestCall {
  const instance = ctx.instances.findById(id);
  if (!instance) throw new GuestError(403, "not authorized");
  if (peerUid(socket) !== rootIds(currentIdMap(instance)).uid) throw new GuestError(401, "Access denied for non-root user");
  const expanded = expandInstance(ctx, instance);
  if (!isTrue(expanded.config["security.devlxd"] ?? "true")) throw new GuestError(403, "not authorized");
  const [path = "", query] = (request.url ?? "/").split("?", 2);
  return { ctx, instance, expanded, path: path.replace(/(.)\/$/, "$1"), query: new URLSearchParams(query), params: [], body: "" };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) throw new GuestError(413, `the body is larger than ${bodyLimit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function expected(error: unknown): GuestError {
  if (error instanceof GuestError) return error;
  log.warn("a guest's request failed", { error: explain(error) });
  return new GuestError(500, "internal server error");
}

function fail(error: unknown, request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  sendReply(response, errorReply(expected(error)), !hasBody(request));
}

function refuse(error: unknown, socket: Duplex): void {
  const { status, message } = expected(error);
  socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(message) + 1}\r\n\r\n${message}\n`);
}
