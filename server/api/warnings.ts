// What is the matter with the server, its machine or something on it, until somebody looks at it or it is over.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { ListQuery, ProjectQuery, Timestamp, urlsOr } from "./schemas.ts";

const statuses = Type.Union([Type.Literal("new"), Type.Literal("acknowledged"), Type.Literal("resolved")]);

export const Warning = Type.Object({
  uuid: Type.String(),
  status: statuses,
  severity: Type.Union([Type.Literal("low"), Type.Literal("moderate"), Type.Literal("high")]),
  type: Type.String({ description: "English text, the same for all warnings of a kind" }),
  count: Type.Integer({ description: "How often it has been seen" }),
  first_seen_at: Timestamp,
  last_seen_at: Timestamp,
  last_message: Type.String(),
  entity_url: Type.String({ description: "What it is about; empty for the server itself" }),
  project: Type.String(),
  location: Type.String(),
});
export type Warning = Static<typeof Warning>;

export const WarningPut = Type.Object({ status: Type.Optional(Type.String({ description: "acknowledged or new" })) });

const one = { path: "/1.0/warnings/:id", access: "admin", kind: "sync", since: "warnings" } as const;
const change = { ...one, query: ProjectQuery, body: WarningPut, errors: ["warning_not_found", "warning_status_unknown", "warning_status_fixed"] } as const;

export const warningEndpoints = defineEndpoints({
  listWarnings: {
    method: "GET", path: "/1.0/warnings", access: "admin", kind: "sync", query: ListQuery, response: urlsOr(Warning), since: "warnings",
    errors: ["invalid_filter"], summary: "List warnings",
  },
  getWarning: { ...one, method: "GET", query: ProjectQuery, response: Warning, errors: ["warning_not_found"], summary: "Show a warning" },
  replaceWarning: { ...change, method: "PUT", summary: "Acknowledge a warning, or make it new again" },
  patchWarning: { ...change, method: "PATCH", summary: "Acknowledge a warning, or make it new again" },
  deleteWarning: { ...one, method: "DELETE", query: ProjectQuery, errors: ["warning_not_found"], summary: "Delete a warning" },
});
