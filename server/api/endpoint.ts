// What an endpoint of the API is. Every table of endpoints in this folder is made of these; routes,
// validation, the client, OpenAPI and the reference pages are derived from them.
import type { Static, TObject, TSchema } from "typebox";
import type { ErrorCode } from "./errors.ts";

/**
 * How a call answers:
 * - `sync`: the result in the envelope's metadata;
 * - `operation`: 202 with a background operation;
 * - `websocket`: upgraded to a websocket;
 * - `stream`: upgraded to a protocol of its own;
 * - `raw`: bytes, outside the envelope (a directory listing or an error still comes in one).
 */
export type Kind = "sync" | "operation" | "websocket" | "stream" | "raw";

/**
 * Who may call it, of those the server trusts:
 * - `any`: all of them; each is shown what concerns the projects that it may see;
 * - `view`, `operate`, `edit`: who has the role viewer, operator or admin in the request's project, or a higher one;
 * - `admin`: who may change the whole server.
 */
export type Access = "any" | ProjectAccess | "admin";
/** What can be done in a project, each with what stands before it. */
export const projectAccess = ["view", "operate", "edit"] as const;
export type ProjectAccess = (typeof projectAccess)[number];

export interface Endpoint {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `:name` matches one segment, a last `*name` matches all that is left. */
  readonly path: string;
  readonly kind: Kind;
  readonly access: Access;
  readonly summary: string;
  readonly query?: TObject;
  /** A schema of the JSON body, or `stream` when the handler reads the bytes itself. */
  readonly body?: TSchema | "stream";
  /** Besides JSON it takes bytes, as application/octet-stream: what they are. */
  readonly upload?: string;
  /** Of the envelope's metadata (`sync`) or of the finished operation's metadata (`operation`). */
  readonly response?: TSchema;
  /** The HTTP status of a success when it is not 200 (`sync`). */
  readonly status?: 201;
  /** Some requests are answered with an operation instead. */
  readonly orOperation?: true;
  /** Codes a caller should be ready for, besides those any call may meet. */
  readonly errors?: readonly ErrorCode[];
  /** Callers whom the server does not trust may call it, too, and are shown what is public. */
  readonly untrusted?: true;
  /** Clients whose certificate is of type `metrics` may call it: they are strangers everywhere else. */
  readonly metrics?: true;
  /** With `all-projects` anybody who is trusted may call it, and its handler shows what the caller may see. */
  readonly allProjects?: true;
  /** Answered also while the server shuts down; others get 503 then. */
  readonly duringShutdown?: true;
  /** The API extension that brought it; absent for LXD's first API. */
  readonly since?: string;
  /** Members of the response that the ETag is made of; GET only. */
  readonly etag?: readonly string[];
  /** The GET endpoint whose ETag `If-Match` is compared with; PUT and PATCH only. */
  readonly precondition?: string;
}

export type Endpoints = Readonly<Record<string, Endpoint>>;

type Segments<P extends string> = P extends `${infer Head}/${infer Rest}` ? Head | Segments<Rest> : P;
type ParamNames<P extends string> = Segments<P> extends infer S
  ? S extends `:${infer N}` ? N : S extends `*${infer N}` ? N : never
  : never;

/** The path parameters of an endpoint, decoded. */
export type Params<E extends Endpoint> = { [K in ParamNames<E["path"]>]: string };
export type Query<E extends Endpoint> = E["query"] extends TObject ? Static<E["query"]> : Record<never, never>;
export type Body<E extends Endpoint> = E["body"] extends TSchema ? Static<E["body"]> : undefined;
export type Response<E extends Endpoint> = E["response"] extends TSchema ? Static<E["response"]> : undefined;

/** Fixes the type of a table of endpoints without widening it. */
export function defineEndpoints<const T extends Endpoints>(table: T): T {
  return table;
}

/** Fills the parameters into a path, each encoded as one segment. */
export function buildPath(path: string, params: Readonly<Record<string, string>> = {}): string {
  return path
    .split("/")
    .map((segment) => {
      const name = /^[:*](.+)$/.exec(segment)?.[1];
      return name === undefined ? segment : encodeURIComponent(params[name] ?? "");
    })
    .join("/");
}
