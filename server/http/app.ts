// The HTTP side: every endpoint of the contract becomes a route of one fastify app.
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Readable } from "node:stream";
import { TLSSocket } from "node:tls";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Endpoint } from "../api/endpoint.ts";
import { admit, type Caller, type Wish } from "../auth/caller.ts";
import { asyncEnvelope, errorCodeHeader, errorEnvelope, errorHintHeader, syncEnvelope } from "../api/envelope.ts";
import { BerthError, fail } from "../api/errors.ts";
import { endpoints } from "../api/index.ts";
import { explain, log, withLogContext } from "../log.ts";
import { Operation } from "../operations/operation.ts";
import { asExpected, errorMessage } from "../operations/error-message.ts";
import { audit, beginRecord, type RequestRecord } from "./audit.ts";
import { bodyLimits, collectBody, parseBody, responseFault, strangersLimits } from "./body.ts";
import { assertMatches, etagOf } from "./etag.ts";
import type { Call } from "./implementation.ts";
import { answerPage, type PagePolicy } from "./origin.ts";
import type { RawReply } from "./replies.ts";
import type { RequestStats } from "./requests.ts";

type Handler = (call: Call<Endpoint>) => unknown;
export type Handlers = Readonly<Record<string, Handler | undefined>>;
/** Who makes a request. Throws when it shows a token that is not good. */
export type CallerOf = (request: IncomingMessage) => Caller;

const oldNouns = /^\/1\.0\/(containers|virtual-machines)(?=\/|\?|$)/;
const checkResponses = process.env["BERTH_CHECK_RESPONSES"] === "1";

export interface Surroundings {
  callerOf: CallerOf;
  /** Which web pages may use the API. */
  pages: () => PagePolicy;
  /** The counts that are kept of requests. */
  stats: RequestStats;
  /** While it is, only endpoints that say so are answered. */
  isShuttingDown: () => boolean;
}

/** An endpoint, with what is looked for in each request once for all. */
interface Route extends Endpoint {
  id: string;
  /** The name of the parameter that takes the rest of the path. */
  rest: string | undefined;
}

/** Makes the app. `handlers` has a function for every endpoint that is not upgraded. */
export function createApp(handlers: Handlers, surroundings: Surroundings): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: bodyLimits.size,
    rewriteUrl: (request) => (request.url ?? "/").replace(oldNouns, "/1.0/instances"),
    routerOptions: { maxParamLength: 65_536, ignoreTrailingSlash: true }, // Node refuses longer heads by itself
    frameworkErrors: (error, _request, reply) => sendError(reply as FastifyReply, error),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
  app.setErrorHandler((error, _request, reply) => sendError(reply, error));

  app.addHook("onRequest", (request, reply, done) => {
    if (request.headers.origin) void reply.headers(answerPage(surroundings.pages(), request.raw));
    done();
  });

  const table = Object.entries(endpoints as Record<string, Endpoint>);
  for (const [id, endpoint] of table) {
    const route: Route = { ...endpoint, id, rest: /\*([a-z]+)$/.exec(endpoint.path)?.[1] };
    app.route({
      method: endpoint.method,
      url: endpoint.path.replace(/\/\*[a-z]+$/, "/*"),
      ...(endpoint.method === "GET" ? { exposeHeadRoute: false } : {}),
      handler: (request, reply) => serve(route, handlers, surroundings, request, reply),
    });
  }
  const paths = table.map(([, { path }]) => new RegExp(`^${path.replace(/:[a-z]+/g, "[^/]+").replace(/\*[a-z]+/g, ".+")}/?$`));
  app.setNotFoundHandler((request, reply) => {
    if (request.method === "OPTIONS") return reply.header("content-type", "application/json").send("");
    const [path = ""] = request.url.split("?");
    const method = paths.some((pattern) => pattern.test(path)) ? "not_implemented" : "not_found";
    return sendError(reply, fail(method));
  });
  return app;
}

/** Answers a request, and tells of it: in the log what is done for it, in the counts how it went. */
async function serve(route: Route, handlers: Handlers, { callerOf, stats, isShuttingDown }: Surroundings, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const record = beginRecord(route.id, route.method, request.originalUrl);
  stats.ongoing++;
  return withLogContext({ request: record.id }, async () => {
    try {
      if (isShuttingDown() && !route.duringShutdown) throw fail("shutting_down");
      return await handle(route, handlers, callerOf(request.raw), request, reply, record);
    } catch (error) {
      return sendError(reply, error, record);
    } finally {
      stats.ongoing--;
      stats.count(route.id, reply.statusCode, performance.now() - record.began);
      audit(record);
    }
  });
}

async function handle(route: Route, handlers: Handlers, by: Caller, request: FastifyRequest, reply: FastifyReply, record: RequestRecord): Promise<FastifyReply> {
  if (route.kind === "websocket") throw fail("websocket_expected");
  if (route.kind === "stream") throw fail("upgrade_missing");
  const handler = handlers[route.id];
  if (!handler) throw fail("not_implemented");
  const call = await readCall(route, request, by, record);
  if (route.precondition && request.headers["if-match"]) await checkPrecondition(route, handlers, call);
  const outcome = await handler(call);
  if (outcome instanceof Operation) {
    record.operation = outcome;
    return sendOperation(reply, outcome);
  }
  if (route.kind === "raw") return sendRaw(reply, outcome as RawReply);
  return sendResult(route, reply, outcome);
}

const noQuery: Readonly<Record<string, string>> = Object.freeze({});

async function readCall(route: Route, request: FastifyRequest, by: Caller, record: RequestRecord): Promise<Call<Endpoint>> {
  const { "*": rest, ...params } = request.params as Record<string, string>;
  if (route.rest && rest !== undefined) params[route.rest] = rest;
  const url = request.originalUrl;
  const at = url.indexOf("?");
  const query = at < 0 ? noQuery : Object.fromEntries(new URLSearchParams(url.slice(at + 1)));
  record.requestor = by.requestor;
  record.project = query["project"] || "default";
  const caller = admitRequest(by, route, request.raw, { query, path: route.path });
  const noun = (oldNouns.exec(url)?.[1] ?? "instances") as Call<Endpoint>["noun"];
  if (noun === "virtual-machines" && params["name"] !== undefined) throw fail("instance_not_found"); // all there are are containers
  return {
    params: params as Call<Endpoint>["params"],
    query: query as Call<Endpoint>["query"],
    body: (await readBody(route, request, caller)) as Call<Endpoint>["body"],
    upload: (isUpload(route, request) ? bytesOf(request) : undefined) as Call<Endpoint>["upload"],
    headers: request.headers,
    requestor: caller.requestor,
    caller,
    noun,
  };
}

const bytesOf = (request: FastifyRequest) => (request.body ?? request.raw) as Readable;

function isUpload(endpoint: Endpoint, request: FastifyRequest): boolean {
  return endpoint.upload !== undefined && /^application\/octet-stream\b/i.test(request.headers["content-type"] ?? "");
}

/** A client that believes itself trusted says so (`X-LXD-authenticated`): it is not shown what strangers see. Throws `forbidden`. */
export function admitRequest(by: Caller, endpoint: Endpoint, { headers }: IncomingMessage, wish: Wish): Caller {
  const caller = admit(by, endpoint, wish);
  if (!caller.trusted && headers["x-lxd-authenticated"]) throw fail("forbidden");
  return caller;
}

async function readBody(endpoint: Endpoint, request: FastifyRequest, caller: Caller): Promise<unknown> {
  if (endpoint.body === "stream") return bytesOf(request);
  if (!endpoint.body) return undefined;
  return isUpload(endpoint, request) ? {} : parseBody(endpoint.body, await collectBody(bytesOf(request), caller.trusted ? bodyLimits : strangersLimits));
}

async function checkPrecondition(endpoint: Endpoint, handlers: Handlers, call: Call<Endpoint>): Promise<void> {
  const id = endpoint.precondition ?? "";
  const read = (endpoints as Record<string, Endpoint>)[id];
  const { recursion: _, ...query } = call.query as Record<string, string>;
  const current = await handlers[id]?.({ ...call, query } as Call<Endpoint>);
  if (read?.etag && current) assertMatches(call.headers["if-match"], etagOf(current as object, read.etag));
}

function sendOperation(reply: FastifyReply, operation: Operation): FastifyReply {
  void reply.status(202).header("location", operation.url);
  return sendJson(reply, asyncEnvelope(operation.url, operation.view()));
}

function sendRaw(reply: FastifyReply, raw: RawReply): FastifyReply {
  return reply.status(raw.status ?? 200).headers(raw.headers).send(raw.body);
}

function sendResult(endpoint: Endpoint, reply: FastifyReply, outcome: unknown): FastifyReply {
  if (endpoint.status === 201) {
    void reply.status(201).header("location", (outcome as { location: string }).location);
    return sendJson(reply, syncEnvelope(null));
  }
  if (endpoint.etag) void reply.header("etag", `"${etagOf(outcome as object, endpoint.etag)}"`);
  if (checkResponses && endpoint.response) {
    const fault = responseFault(endpoint.response, JSON.parse(JSON.stringify(outcome)));
    if (fault) throw new Error(`${endpoint.method} ${endpoint.path} broke the contract: ${fault}`);
  }
  return sendJson(reply, syncEnvelope(outcome ?? {}));
}

/** As bytes: to a string fastify would add a charset, which LXD does not send. */
function sendJson(reply: FastifyReply, value: unknown, end = "\n"): FastifyReply {
  return reply.header("content-type", "application/json").send(Buffer.from(JSON.stringify(value) + end));
}

/** LXD ends its errors with two line breaks. */
const errorEnd = "\n\n";

function sendError(reply: FastifyReply, error: unknown, record?: RequestRecord): FastifyReply {
  const { status, message, headers } = describeError(error);
  if (record) record.error = headers[errorCodeHeader] ?? "internal";
  // The rest of a body that was refused is not waited for.
  if ([403, 408, 413].includes(status) && !reply.request.raw.complete && reply.request.raw.socket instanceof TLSSocket) headers["connection"] = "close";
  return sendJson(reply.status(status).headers(headers), errorEnvelope(status, message), errorEnd);
}

/** What goes over the wire for something that was thrown. */
function describeError(thrown: unknown): { status: number; message: string; headers: Record<string, string> } {
  const error = asExpected(thrown);
  const headers: Record<string, string> = { "x-content-type-options": "nosniff" };
  if (error instanceof BerthError) {
    headers[errorCodeHeader] = error.code;
    if (error.hint) headers[errorHintHeader] = encodeURIComponent(error.hint);
    if (error.status >= 500 && error.code !== "shutting_down") log.warn("request failed", { code: error.code, error: explain(error) });
    return { status: error.status, message: error.message, headers };
  }
  const { statusCode: status = 500, message } = error as { statusCode?: number; message: string };
  if (status < 500) return { status, message, headers: { ...headers, [errorCodeHeader]: "bad_request" } }; // what fastify refuses by itself
  return { status, message: errorMessage(error), headers };
}

/** Answers a request that wanted an upgrade with an error instead. */
export function refuseUpgrade(socket: NodeJS.WritableStream, error: unknown): void {
  const { status, message, headers } = describeError(error);
  const body = JSON.stringify(errorEnvelope(status, message)) + errorEnd;
  const lines = Object.entries({ ...headers, "content-type": "application/json", "content-length": String(Buffer.byteLength(body)), connection: "close" });
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.map(([key, value]) => `${key}: ${value}\r\n`).join("")}\r\n${body}`);
}

/** The path and query of a request. */
export function urlOf(request: IncomingMessage): URL {
  return new URL(request.url ?? "/", "http://berth");
}
