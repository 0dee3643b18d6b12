// Background operations and how to follow them.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { ListQuery, Timestamp } from "./schemas.ts";

export const Operation = Type.Object({
  id: Type.String({ description: "UUID" }),
  class: Type.Union([Type.Literal("task"), Type.Literal("websocket"), Type.Literal("token")]),
  description: Type.String(),
  created_at: Timestamp,
  updated_at: Timestamp,
  status: Type.String(),
  status_code: Type.Integer(),
  resources: Type.Record(Type.String(), Type.Array(Type.String()), {
    description: "Plural kind → URLs of what it works on; the first is the main one",
  }),
  metadata: Type.Union([Type.Record(Type.String(), Type.Any()), Type.Null()]),
  may_cancel: Type.Boolean(),
  err: Type.String({ description: "Empty unless it failed" }),
  location: Type.String(),
});
export type Operation = Static<typeof Operation>;

const SecretQuery = Type.Object({ secret: Type.Optional(Type.String()) });

export const operationEndpoints = defineEndpoints({
  listOperations: {
    method: "GET", path: "/1.0/operations", access: "any", kind: "sync", duringShutdown: true, query: ListQuery,
    response: Type.Record(Type.String(), Type.Union([Type.Array(Type.String()), Type.Array(Operation)])),
    summary: "List operations, grouped by lower-case status",
  },
  getOperation: {
    method: "GET", path: "/1.0/operations/:id", access: "any", kind: "sync", duringShutdown: true, query: ListQuery, response: Operation,
    errors: ["operation_not_found"], summary: "Show an operation",
  },
  deleteOperation: {
    method: "DELETE", path: "/1.0/operations/:id", access: "any", kind: "sync", duringShutdown: true, query: ListQuery,
    errors: ["operation_not_found", "operation_not_running", "operation_not_cancellable"], summary: "Cancel an operation",
  },
  waitOperation: {
    method: "GET", path: "/1.0/operations/:id/wait", access: "any", kind: "sync", duringShutdown: true, untrusted: true, response: Operation,
    query: Type.Object({
      timeout: Type.Optional(Type.String({ description: "Seconds; -1 waits for ever" })),
      secret: Type.Optional(Type.String()),
    }),
    errors: ["operation_not_found"], summary: "Wait until an operation has ended, or the timeout has passed",
  },
  connectOperation: {
    method: "GET", path: "/1.0/operations/:id/websocket", access: "any", kind: "websocket", untrusted: true, query: SecretQuery,
    errors: ["operation_not_found", "forbidden"], summary: "Connect to one of the websockets of an operation",
  },
});
