// What instances keep of their image: its metadata, and the templates of files in the guest.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { ProjectQuery, StringMap } from "./schemas.ts";

/** Members of an instance without an image are null or empty. */
export const InstanceMetadata = Type.Object({
  architecture: Type.String({ description: "The kernel's name: x86_64, aarch64 …" }),
  creation_date: Type.Integer({ description: "Seconds since 1970" }),
  expiry_date: Type.Integer({ description: "Seconds since 1970; 0 is never" }),
  properties: Type.Union([StringMap, Type.Null()]),
  templates: Type.Union([
    Type.Record(Type.String(), Type.Object({
      when: Type.Optional(Type.Array(Type.String(), { description: "create, copy, start or rename" })),
      create_only: Type.Optional(Type.Boolean({ description: "Leave the file alone when it is there" })),
      template: Type.Optional(Type.String({ description: "Name of a template file" })),
      properties: Type.Optional(StringMap),
    }), { description: "By the path in the instance that each writes to" }),
    Type.Null(),
  ]),
});
export type InstanceMetadata = Static<typeof InstanceMetadata>;
export const InstanceMetadataPut = Type.Partial(InstanceMetadata);

const TemplateQuery = Type.Object({ ...ProjectQuery.properties, path: Type.Optional(Type.String({ description: "Name of a template file" })) });

export const metadataEndpoints = defineEndpoints({
  getInstanceMetadata: {
    method: "GET", path: "/1.0/instances/:name/metadata", access: "view", kind: "sync", query: ProjectQuery, response: InstanceMetadata,
    since: "container_edit_metadata", etag: ["architecture", "creation_date", "expiry_date", "properties", "templates"],
    errors: ["instance_not_found"], summary: "Show what an instance keeps of its image's metadata",
  },
  replaceInstanceMetadata: {
    method: "PUT", path: "/1.0/instances/:name/metadata", access: "edit", kind: "sync", query: ProjectQuery, body: InstanceMetadataPut,
    since: "container_edit_metadata", precondition: "getInstanceMetadata",
    errors: ["instance_not_found", "metadata_invalid"], summary: "Replace what an instance keeps of its image's metadata",
  },
  patchInstanceMetadata: {
    method: "PATCH", path: "/1.0/instances/:name/metadata", access: "edit", kind: "sync", query: ProjectQuery, body: InstanceMetadataPut,
    since: "container_edit_metadata", precondition: "getInstanceMetadata",
    errors: ["instance_not_found", "metadata_invalid"], summary: "Change a part of what an instance keeps of its image's metadata",
  },
  getInstanceTemplate: {
    method: "GET", path: "/1.0/instances/:name/metadata/templates", access: "view", kind: "raw", query: TemplateQuery, since: "container_edit_metadata",
    errors: ["instance_not_found", "template_not_found", "invalid_template_name"],
    summary: "Read a template file or, without a path, list their names (in an envelope)",
  },
  writeInstanceTemplate: {
    method: "POST", path: "/1.0/instances/:name/metadata/templates", access: "edit", kind: "sync", query: TemplateQuery, body: "stream",
    since: "container_edit_metadata", errors: ["instance_not_found", "template_path_missing", "invalid_template_name", "body_too_large"],
    summary: "Write a template file",
  },
  deleteInstanceTemplate: {
    method: "DELETE", path: "/1.0/instances/:name/metadata/templates", access: "edit", kind: "sync", query: TemplateQuery,
    since: "container_edit_metadata", errors: ["instance_not_found", "template_path_missing", "template_not_found"], summary: "Delete a template file",
  },
});
