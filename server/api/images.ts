// Images and their aliases.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { ListQuery, ProjectQuery, RenameBody, StringMap, Timestamp, urlsOr } from "./schemas.ts";

export const ImageAlias = Type.Object({ name: Type.String(), description: Type.String() });

const writable = {
  auto_update: Type.Optional(Type.Boolean()),
  properties: Type.Optional(StringMap),
  public: Type.Optional(Type.Boolean()),
  expires_at: Type.Optional(Timestamp),
  profiles: Type.Optional(Type.Array(Type.String())),
};
export const ImagePut = Type.Object(writable);
export type ImagePut = Static<typeof ImagePut>;

export const Image = Type.Object({
  auto_update: Type.Boolean(),
  properties: StringMap,
  public: Type.Boolean(),
  expires_at: Timestamp,
  profiles: Type.Array(Type.String()),
  aliases: Type.Array(ImageAlias),
  architecture: Type.String(),
  cached: Type.Boolean(),
  filename: Type.String(),
  fingerprint: Type.String({ description: "SHA-256 of the bytes as imported" }),
  size: Type.Integer({ description: "Bytes" }),
  type: Type.String(),
  created_at: Timestamp,
  last_used_at: Timestamp,
  uploaded_at: Timestamp,
});
export type Image = Static<typeof Image>;

export const AliasPut = Type.Object({
  description: Type.Optional(Type.String()),
  target: Type.Optional(Type.String({ description: "Fingerprint" })),
});
export const AliasesPost = Type.Object({ name: Type.String(), type: Type.Optional(Type.String()), ...AliasPut.properties });
export const Alias = Type.Object({
  name: Type.String(),
  description: Type.String(),
  target: Type.String({ description: "Fingerprint" }),
  type: Type.String(),
});
export type Alias = Static<typeof Alias>;

const ImageQuery = Type.Object({ ...ProjectQuery.properties, secret: Type.Optional(Type.String()) });

export const imageEndpoints = defineEndpoints({
  listImages: {
    method: "GET", path: "/1.0/images", access: "view", kind: "sync", untrusted: true, query: ListQuery, response: urlsOr(Image),
    errors: ["invalid_filter"], summary: "List images",
  },
  createImage: {
    method: "POST", path: "/1.0/images", access: "edit", kind: "operation", query: ProjectQuery, body: "stream",
    response: Type.Object({ fingerprint: Type.String(), size: Type.String({ description: "Bytes, in digits" }) }),
    errors: ["image_broken", "image_exists", "image_fingerprint_mismatch", "image_source_unsupported", "disk_full"],
    summary: "Import an image: one tarball as octet-stream, or metadata and rootfs as multipart form",
  },
  getImage: {
    method: "GET", path: "/1.0/images/:fingerprint", access: "view", kind: "sync", untrusted: true, query: ImageQuery, response: Image,
    etag: ["public", "auto_update", "properties", "expires_at", "profiles"],
    errors: ["image_not_found", "image_ambiguous"], summary: "Show an image",
  },
  replaceImage: {
    method: "PUT", path: "/1.0/images/:fingerprint", access: "edit", kind: "sync", query: ProjectQuery, body: ImagePut, precondition: "getImage",
    errors: ["image_not_found"], summary: "Replace an image's properties",
  },
  patchImage: {
    method: "PATCH", path: "/1.0/images/:fingerprint", access: "edit", kind: "sync", query: ProjectQuery, body: ImagePut, precondition: "getImage",
    errors: ["image_not_found"], summary: "Change some of an image's properties",
  },
  deleteImage: {
    method: "DELETE", path: "/1.0/images/:fingerprint", access: "edit", kind: "operation", query: ProjectQuery,
    errors: ["image_not_found"], summary: "Delete an image",
  },
  exportImage: {
    method: "GET", path: "/1.0/images/:fingerprint/export", access: "view", kind: "raw", untrusted: true, query: ImageQuery,
    errors: ["image_not_found"], summary: "Download an image, byte for byte as it was imported",
  },
  listAliases: {
    method: "GET", path: "/1.0/images/aliases", access: "view", kind: "sync", query: ListQuery, response: urlsOr(Alias), summary: "List image aliases",
  },
  createAlias: {
    method: "POST", path: "/1.0/images/aliases", access: "edit", kind: "sync", status: 201, query: ProjectQuery, body: AliasesPost,
    errors: ["alias_exists", "image_not_found", "invalid_name"], summary: "Create an image alias",
  },
  getAlias: {
    method: "GET", path: "/1.0/images/aliases/*name", access: "view", kind: "sync", untrusted: true, query: ProjectQuery, response: Alias,
    etag: ["description", "target"], errors: ["alias_not_found"], summary: "Show an image alias",
  },
  replaceAlias: {
    method: "PUT", path: "/1.0/images/aliases/*name", access: "edit", kind: "sync", query: ProjectQuery, body: AliasPut, precondition: "getAlias",
    errors: ["alias_not_found", "image_not_found"], summary: "Replace an image alias",
  },
  patchAlias: {
    method: "PATCH", path: "/1.0/images/aliases/*name", access: "edit", kind: "sync", query: ProjectQuery, body: AliasPut, precondition: "getAlias",
    errors: ["alias_not_found", "image_not_found"], summary: "Change an image alias",
  },
  renameAlias: {
    method: "POST", path: "/1.0/images/aliases/*name", access: "edit", kind: "sync", status: 201, query: ProjectQuery, body: RenameBody,
    errors: ["alias_not_found", "alias_exists"], summary: "Rename an image alias",
  },
  deleteAlias: {
    method: "DELETE", path: "/1.0/images/aliases/*name", access: "edit", kind: "sync", query: ProjectQuery,
    errors: ["alias_not_found"], summary: "Delete an image alias",
  },
});
