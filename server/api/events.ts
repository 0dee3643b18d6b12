// The stream of events.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { Timestamp } from "./schemas.ts";

export const eventTypes = ["logging", "operation", "lifecycle"] as const;
export type EventType = (typeof eventTypes)[number];

/** One text frame each. */
export const Event = Type.Object({
  type: Type.Union([Type.Literal("logging"), Type.Literal("operation"), Type.Literal("lifecycle")]),
  timestamp: Timestamp,
  metadata: Type.Record(Type.String(), Type.Any(), {
    description: "operation: the operation; logging: message, level, context; lifecycle: action, source, context, requestor",
  }),
  location: Type.Optional(Type.String()),
  project: Type.Optional(Type.String()),
});
export type Event = Static<typeof Event>;

export interface Requestor {
  username: string;
  /** `bearer`: it showed a token, and its username is the name of the identity. */
  protocol: "unix" | "tls" | "bearer";
  address: string;
}

/** What happened to something: `action` is one of LXD's lifecycle names (instance-started, …). */
export interface LifecycleMetadata {
  action: string;
  /** URL of what it happened to. */
  source: string;
  context?: Record<string, unknown>;
  requestor?: Requestor;
}

export const eventEndpoints = defineEndpoints({
  streamEvents: {
    method: "GET", path: "/1.0/events", access: "any", kind: "websocket",
    query: Type.Object({
      type: Type.Optional(Type.String({ description: "Comma list of logging, operation, lifecycle; all when absent" })),
      project: Type.Optional(Type.String()),
      "all-projects": Type.Optional(Type.String()),
      target: Type.Optional(Type.String()),
    }),
    errors: ["unknown_event_type", "websocket_expected"], summary: "Follow events over a websocket",
  },
});
