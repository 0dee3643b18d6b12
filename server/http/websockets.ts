// Upgrades to websockets: the events, and the websockets of operations.
import { type IncomingMessage, type RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Endpoint } from "../api/endpoint.ts";
import { type EventType, eventTypes } from "../api/events.ts";
import { BerthError, fail } from "../api/errors.ts";
import type { EventHub } from "../events/hub.ts";
import { withLogContext } from "../log.ts";
import type { Operations } from "../operations/registry.ts";
import { endpoints } from "../api/index.ts";
import { type Caller, isForAll, mayIn } from "../auth/caller.ts";
import { admitRequest, type CallerOf, refuseUpgrade, urlOf } from "./app.ts";
import { audit, beginRecord, type RequestRecord } from "./audit.ts";
import { answerPage, type PagePolicy } from "./origin.ts";

/** How much may wait for a slow listener before it is dropped, in bytes. */
const backlogLimit = 16 * 1024 * 1024;
const pingEvery = 10_000;

const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 16 * 1024 * 1024 });

/** Turns a checked upgrade request into a websocket. `pings`: whether it is ended when nobody answers them. */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer, ready: (ws: WebSocket) => void, pings = true): void {
  server.handleUpgrade(request, socket, head, (ws) => {
    ws.on("error", () => ws.terminate());
    if (pings) keepAlive(ws);
    ready(ws);
  });
}

/** Pings a websocket, and ends it when two pings in a row stay without an answer. */
function keepAlive(ws: WebSocket): void {
  let missed = 0;
  ws.on("pong", () => {
    missed = 0;
  });
  const timer = setInterval(() => {
    if (++missed > 2) return ws.terminate();
    ws.ping("keepalive");
  }, pingEvery).unref();
  ws.once("close", () => clearInterval(timer));
}

/** Takes an upgrade to SFTP of an instance in a project. */
export type SftpHandler = (project: string | undefined, name: string, request: IncomingMessage, socket: Duplex) => Promise<void>;

export interface Upgrades {
  events: EventHub;
  operations: Operations;
  sftp: SftpHandler;
  callerOf: CallerOf;
  pages: () => PagePolicy;
  /** Takes those that ask for an upgrade where there is none. */
  serve: RequestListener;
}

/** Answers requests for an upgrade. Who may have one is told by the endpoint's entry in the contract. */
export function handleUpgrades({ events, operations, sftp, callerOf, pages, serve }: Upgrades): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    try {
      if (request.headers.origin) answerPage(pages(), request);
      const url = urlOf(request);
      const query = Object.fromEntries(url.searchParams);
      const admitTo = (endpoint: Endpoint) => admitRequest(callerOf(request), endpoint, request, { query, path: endpoint.path });
      const operation = /^\/1\.0\/operations\/([^/]+)\/websocket$/.exec(url.pathname);
      const files = /^\/1\.0\/(?:instances|containers|virtual-machines)\/([^/]+)\/sftp$/.exec(url.pathname);
      const wanted = request.headers.upgrade?.toLowerCase() === "websocket";
      if (wanted && url.pathname === "/1.0/events") {
        streamEvents(events, url.searchParams, admitTo(endpoints.streamEvents), request, socket, head);
      } else if (wanted && operation) {
        admitTo(endpoints.connectOperation);
        connectOperation(operations, operation[1] ?? "", url.searchParams, request, socket, head);
      } else if (files) {
        const { requestor } = admitTo(endpoints.openInstanceSftp);
        const record = { ...beginRecord("openInstanceSftp", "SFTP", url.pathname), requestor, project: query["project"] || "default" };
        openSftp(() => sftp(query["project"], decodeURIComponent(files[1] ?? ""), request, socket), record, socket);
      } else serveWithout(request, socket, serve);
    } catch (error) {
      refuseUpgrade(socket, error);
    }
  };
}

/** A client may offer an upgrade with any request (curl --http2 does): it is answered as if it had not. */
function serveWithout(request: IncomingMessage, socket: Duplex, serve: RequestListener): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.once("finish", () => socket.end());
  serve(request, response as Parameters<RequestListener>[1]);
}

/** Whoever opens a session may change files: it is told of like a change. */
function openSftp(open: () => Promise<void>, record: RequestRecord, socket: Duplex): void {
  void withLogContext({ request: record.id }, () => open().catch((error) => {
    record.error = error instanceof BerthError ? error.code : "internal";
    refuseUpgrade(socket, error);
  }).finally(() => audit(record)));
}

function wantedTypes(given: string | null): ReadonlySet<EventType> {
  if (!given) return new Set(eventTypes);
  const wanted = given.split(",");
  for (const type of wanted) {
    if (!eventTypes.includes(type as EventType)) throw fail("unknown_event_type", { type });
  }
  return new Set(wanted as EventType[]);
}

function streamEvents(events: EventHub, query: URLSearchParams, caller: Caller, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const types = wantedTypes(query.get("type"));
  const project = isForAll(Object.fromEntries(query)) ? undefined : query.get("project") || "default";
  if (project !== undefined && !mayIn(caller, project, "view")) throw fail("forbidden");
  acceptWebSocket(request, socket, head, (ws) => {
    const deliver = (text: string) => {
      if (ws.bufferedAmount > backlogLimit) ws.terminate();
      else ws.send(text);
    };
    ws.once("close", events.subscribe({ types, project, caller, deliver }));
  });
}

function connectOperation(
  operations: Operations, id: string, query: URLSearchParams, request: IncomingMessage, socket: Duplex, head: Buffer,
): void {
  const operation = operations.get(id);
  const secret = query.get("secret");
  if (!operation.connect || operation.isFinal) throw fail("bad_request", { reason: "The operation has no websocket to connect to" });
  if (!secret) throw fail("bad_request", { reason: "Missing secret" });
  operation.connect(request, socket, head, secret);
}
