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

/** Where an image was fetched from by a name, so that a newer one can be. */
export const UpdateSource = Type.Object({
  alias: Type.String(),
  certificate: Type.String({ description: "PEM; empty: its authorities are this machine's" }),
  protocol: Type.String({ description: "lxd, simplestreams or direct" }),
  server: Type.String({ description: "URL" }),
  image_type: Type.String(),
});
export type UpdateSource = Static<typeof UpdateSource>;

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
  update_source: Type.Optional(UpdateSource),
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

export const ImagesPostSource = Type.Object({
  type: Type.Optional(Type.String({ description: "instance (or container), snapshot, image or url" })),
  name: Type.Optional(Type.String({ description: "instance, snapshot: its name" })),
  mode: Type.Optional(Type.String({ description: "image: pull, or push for a token by which another server sends it" })),
  server: Type.Optional(Type.String({ description: "image: URL" })),
  protocol: Type.Optional(Type.String({ description: "image: lxd (default) or simplestreams" })),
  certificate: Type.Optional(Type.String({ description: "image: PEM of the certificate that the server must have" })),
  secret: Type.Optional(Type.String({ description: "image: of a private one" })),
  alias: Type.Optional(Type.String()),
  fingerprint: Type.Optional(Type.String({ description: "image: whole, a prefix, or an alias" })),
  project: Type.Optional(Type.String({ description: "image: on the other server" })),
  image_type: Type.Optional(Type.String()),
  url: Type.Optional(Type.String({ description: "url: answers HEAD with LXD-Image-Hash and LXD-Image-URL" })),
});
export type ImagesPostSource = Static<typeof ImagesPostSource>;

/** What is to become an image, when it is not sent as bytes. */
export const ImagesPost = Type.Object({
  ...writable,
  filename: Type.Optional(Type.String()),
  source: Type.Optional(ImagesPostSource),
  compression_algorithm: Type.Optional(Type.String({ description: "As in images.compression_algorithm" })),
  aliases: Type.Optional(Type.Array(Type.Object({ name: Type.String(), description: Type.Optional(Type.String()) }))),
});
export type ImagesPost = Static<typeof ImagesPost>;

/** Which server an image is to be sent to. */
export const ImageExportPost = Type.Object({
  target: Type.String({ description: "URL of the server" }),
  secret: Type.String({ description: "Of the token that the other server gave" }),
  certificate: Type.Optional(Type.String({ description: "PEM of the certificate that it must have" })),
  project: Type.Optional(Type.String({ description: "On the other server" })),
  profiles: Type.Optional(Type.Array(Type.String())),
});
export type ImageExportPost = Static<typeof ImageExportPost>;

const ImageQuery = Type.Object({ ...ProjectQuery.properties, secret: Type.Optional(Type.String()) });

export const imageEndpoints = defineEndpoints({
  listImages: {
    method: "GET", path: "/1.0/images", access: "view", kind: "sync", untrusted: true, query: ListQuery, response: urlsOr(Image),
    errors: ["invalid_filter"], summary: "List images",
  },
  createImage: {
    method: "POST", path: "/1.0/images", access: "edit", kind: "operation", untrusted: true, query: ProjectQuery, body: "stream",
    response: Type.Object({ fingerprint: Type.String(), size: Type.String({ description: "Bytes, in digits" }) }),
    errors: [
      "image_broken", "image_exists", "image_fingerprint_mismatch", "image_source_unsupported", "image_source_missing", "image_remote_missing", "publish_running",
      "alias_exists", "disk_full", "download_failed", "forbidden",
    ],
    summary: "Make an image: of one tarball as octet-stream, of metadata and rootfs as multipart form, or as JSON says (ImagesPost)",
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
  headImageExport: {
    method: "HEAD", path: "/1.0/images/:fingerprint/export", access: "view", kind: "raw", untrusted: true, query: ImageQuery,
    errors: ["image_not_found"], summary: "Tell the size and names of a download",
  },
  pushImage: {
    method: "POST", path: "/1.0/images/:fingerprint/export", access: "edit", kind: "operation", query: ProjectQuery, body: ImageExportPost, since: "images_push_relay",
    errors: ["image_not_found", "remote_unreachable", "remote_certificate", "remote_refused"], summary: "Send an image to another server",
  },
  refreshImage: {
    method: "POST", path: "/1.0/images/:fingerprint/refresh", access: "edit", kind: "operation", query: ProjectQuery, since: "image_force_refresh",
    response: Type.Object({ refreshed: Type.Boolean() }), errors: ["image_not_found", "image_without_source"],
    summary: "Replace an image by the one that its source has now",
  },
  createImageSecret: {
    method: "POST", path: "/1.0/images/:fingerprint/secret", access: "operate", kind: "operation", query: ProjectQuery,
    errors: ["image_not_found"], summary: "Make a token by which somebody else may download the image, once",
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
