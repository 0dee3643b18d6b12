// Pieces that the schemas of several resources share.
import { type Static, Type } from "typebox";

export const StringMap = Type.Record(Type.String(), Type.String());
/** Device name → its keys, `type` always among them. */
export const Devices = Type.Record(Type.String(), StringMap);
export type Config = Record<string, string>;
export type DeviceMap = Record<string, Record<string, string>>;

/** RFC 3339; `0001-01-01T00:00:00Z` stands for never. */
export const Timestamp = Type.String({ description: "RFC 3339; 0001-01-01T00:00:00Z stands for never" });
export const zeroTime = "0001-01-01T00:00:00Z";

const project = Type.Optional(Type.String({ description: "Project name; \"default\" when absent" }));

export const ProjectQuery = Type.Object({ project, target: Type.Optional(Type.String()) });
export type ProjectQuery = Static<typeof ProjectQuery>;

export const ListQuery = Type.Object({
  project,
  "all-projects": Type.Optional(Type.String()),
  recursion: Type.Optional(Type.String({ description: "0: URLs, 1: objects, 2: objects with state (instances)" })),
  filter: Type.Optional(Type.String({ description: "FIELD eq|ne VALUE [and|or …]" })),
  target: Type.Optional(Type.String()),
});
export type ListQuery = Static<typeof ListQuery>;

/** A list answers with URLs, or with objects when recursion is asked for. */
export const urlsOr = <T extends import("typebox").TSchema>(item: T) => Type.Union([Type.Array(Type.String()), Type.Array(item)]);

export const RenameBody = Type.Object({ name: Type.String() });

/** Where a migration goes, when the source is to turn there. */
export const MigrationTarget = Type.Object({
  operation: Type.String({ description: "URL of the operation there" }),
  certificate: Type.Optional(Type.String({ description: "PEM of the certificate there" })),
  secrets: Type.Optional(StringMap),
});
