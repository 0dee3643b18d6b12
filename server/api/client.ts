// The client, derived from the endpoint tables: one method each, typed by its schemas. It knows no
// transport, so it runs in Node and in a browser.
import type { TSchema } from "typebox";
import { type Body, buildPath, type Endpoint, type Params, type Query, type Response } from "./endpoint.ts";
import { type Envelope, errorCodeHeader, errorHintHeader, statusCodes } from "./envelope.ts";
import { BerthError, type ErrorCode, isErrorCode } from "./errors.ts";
import { type EndpointTable, endpoints } from "./index.ts";
import type { Operation } from "./operations.ts";

export interface TransportRequest {
  method: string;
  /** With the query string. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  /** A JSON text, or a stream of bytes. */
  body?: string | AsyncIterable<Uint8Array>;
}

export interface TransportResponse {
  status: number;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | undefined>>;
  body: AsyncIterable<Uint8Array>;
  text(): Promise<string>;
}

/** Carries requests: over a unix socket, TLS, or fetch. */
export interface Transport {
  request(request: TransportRequest): Promise<TransportResponse>;
}

type Arg<E extends Endpoint> = Params<E> &
  Partial<Query<E>> & {
    body?: E["body"] extends "stream" ? AsyncIterable<Uint8Array> | string : Body<E> | (E["upload"] extends string ? AsyncIterable<Uint8Array> : never);
    headers?: Readonly<Record<string, string>>;
  };

type Result<E extends Endpoint> = E["kind"] extends "operation"
  ? Operation
  : E["orOperation"] extends true ? Operation | undefined
  : E["kind"] extends "raw" ? TransportResponse : E extends { response: TSchema } ? Response<E> : void;

type Args<E extends Endpoint> = keyof Params<E> extends never ? [arg?: Arg<E>] : [arg: Arg<E>];

export type Client = {
  [K in keyof EndpointTable as EndpointTable[K]["kind"] extends "websocket" ? never : K]: (
    ...args: Args<EndpointTable[K]>
  ) => Promise<Result<EndpointTable[K]>>;
} & {
  /** The path of any endpoint, for websockets. */
  path<K extends keyof EndpointTable>(id: K, ...args: Args<EndpointTable[K]>): string;
};

/** Rebuilds the error that the server threw. */
export function errorFrom(envelope: Pick<Envelope, "error" | "error_code">, headers: TransportResponse["headers"]): BerthError {
  const given = headers[errorCodeHeader];
  const code: ErrorCode = isErrorCode(given) ? given : fallbackCode(envelope.error_code);
  const hint = headers[errorHintHeader];
  return new BerthError(code, {}, { message: envelope.error, ...(hint ? { hint: decodeURIComponent(hint) } : {}) });
}

function fallbackCode(status: number): ErrorCode {
  if (status === 404) return "not_found";
  if (status === 403) return "forbidden";
  if (status === 412) return "etag_mismatch";
  return status >= 500 ? "internal" : "bad_request";
}

/** Throws when an operation that has ended did not succeed. */
export function assertSucceeded(operation: Operation): Operation {
  if (operation.status_code === statusCodes.Success) return operation;
  const code = operation.metadata?.["error"];
  const hint = operation.metadata?.["hint"];
  throw new BerthError(isErrorCode(code) ? code : "internal", {}, {
    message: operation.err || `The operation ended with status ${operation.status}`,
    ...(typeof hint === "string" ? { hint } : {}),
  });
}

function requestPath(endpoint: Endpoint, arg: Record<string, unknown>): string {
  const params: Record<string, string> = {};
  const query = new URLSearchParams();
  const names = new Set([...endpoint.path.matchAll(/[:*]([a-z]+)/g)].map((match) => match[1]));
  for (const [key, value] of Object.entries(arg)) {
    if (key === "body" || key === "headers" || value === undefined) continue;
    if (names.has(key)) params[key] = String(value);
    else query.set(key, String(value));
  }
  const path = buildPath(endpoint.path, params);
  return query.size > 0 ? `${path}?${query}` : path;
}

async function call(transport: Transport, endpoint: Endpoint, arg: Record<string, unknown>): Promise<unknown> {
  const { body } = arg as { body?: unknown };
  const stream = typeof body === "object" && body !== null && Symbol.asyncIterator in body;
  const response = await transport.request({
    method: endpoint.method,
    path: requestPath(endpoint, arg),
    headers: {
      ...(body !== undefined && !stream && typeof body !== "string" ? { "content-type": "application/json" } : {}),
      ...(arg["headers"] as Record<string, string> | undefined),
    },
    ...(body === undefined ? {} : { body: stream ? (body as AsyncIterable<Uint8Array>) : typeof body === "string" ? body : JSON.stringify(body) }),
  });
  if (endpoint.kind === "raw" && response.status < 400) return response;
  if (endpoint.method === "HEAD") throw errorFrom({ error: `The server answered ${response.status}`, error_code: response.status }, response.headers);
  const text = await response.text();
  let envelope: Envelope;
  try {
    envelope = JSON.parse(text) as Envelope;
  } catch (cause) {
    throw new BerthError("internal", {}, { message: `The server answered ${response.status} with something else than JSON`, cause });
  }
  if (envelope.type === "error") throw errorFrom(envelope, response.headers);
  return envelope.metadata;
}

/** Makes a client that talks over a transport. */
export function createClient(transport: Transport): Client {
  const methods: Record<string, unknown> = {
    path: (id: keyof EndpointTable, arg: Record<string, unknown> = {}) => requestPath(endpoints[id], arg),
  };
  for (const [id, endpoint] of Object.entries(endpoints)) {
    methods[id] = (arg: Record<string, unknown> = {}) => call(transport, endpoint, arg);
  }
  return methods as Client;
}
