// What a resource gives for its endpoints: a function each, which takes plain values and gives data.
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { TSchema } from "typebox";
import type { Body, Endpoint, Endpoints, Params, Query, Response } from "../api/endpoint.ts";
import type { Requestor } from "../api/events.ts";
import type { Caller } from "../auth/caller.ts";
import type { Operation } from "../operations/operation.ts";
import type { RawReply } from "./replies.ts";

export interface Call<E extends Endpoint> {
  params: Params<E>;
  query: Query<E>;
  body: E["body"] extends "stream" ? Readable : Body<E>;
  /** What is sent in place of JSON, of endpoints that take it. */
  upload: E["upload"] extends string ? Readable | undefined : undefined;
  headers: IncomingHttpHeaders;
  requestor: Requestor;
  /** Who calls, and what it may do: the endpoint's `access` has been checked for the project of the query. */
  caller: Caller;
  /** `instances`, or the old name the caller used for them: `containers` or `virtual-machines`. */
  noun: "instances" | "containers" | "virtual-machines";
}

/** Where the thing that was made can be found. */
export interface Created {
  location: string;
}

export type Outcome<E extends Endpoint> = E["kind"] extends "operation"
  ? Operation
  : E["kind"] extends "raw"
    ? RawReply
    : E["status"] extends 201 ? Created | (E["orOperation"] extends true ? Operation : never) : E extends { response: TSchema } ? Response<E> : void;

export type Implementation<T extends Endpoints> = {
  [K in keyof T as T[K]["kind"] extends "websocket" | "stream" ? never : K]: (call: Call<T[K]>) => Promise<Outcome<T[K]>> | Outcome<T[K]>;
};
