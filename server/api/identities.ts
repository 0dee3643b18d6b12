// Identities: who the server knows by a bearer token that it issued.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { ListQuery, Timestamp, urlsOr } from "./schemas.ts";

/** LXD's name of the type; `bearer` is taken for it, too. */
export const bearerType = "Client token bearer";

const rights = {
  restricted: Type.Optional(Type.Boolean({ description: "Berth's own: only its projects, and nothing of the server; true when absent" })),
  projects: Type.Optional(Type.Array(Type.String(), { maxItems: 1000, description: "Berth's own: where a restricted one may do something" })),
  role: Type.Optional(Type.String({ description: "Berth's own: viewer, operator or admin, what a restricted one may do in its projects. admin when absent" })),
};
const groups = Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()], { description: "Always empty: Berth has none" }));

export const IdentityPut = Type.Object({ groups, tls_certificate: Type.Optional(Type.String({ description: "Always empty for bearers" })), ...rights });
export type IdentityPut = Static<typeof IdentityPut>;

export const IdentitiesBearerPost = Type.Object({
  name: Type.String(),
  type: Type.Optional(Type.String({ description: `${bearerType}, which is what it is when absent` })),
  groups,
  ...rights,
});
export type IdentitiesBearerPost = Static<typeof IdentitiesBearerPost>;

const members = {
  authentication_method: Type.String(),
  type: Type.String(),
  id: Type.String(),
  name: Type.String(),
  groups: Type.Array(Type.String()),
  tls_certificate: Type.String({ description: "PEM; empty for others than certificates" }),
  expires_at: Type.Optional(Timestamp),
  restricted: Type.Boolean(),
  projects: Type.Array(Type.String()),
  role: Type.String(),
};

export const Identity = Type.Object(members);
export type Identity = Static<typeof Identity>;

export const CurrentIdentity = Type.Object({
  ...members,
  effective_groups: Type.Array(Type.String()),
  effective_permissions: Type.Array(Type.String()),
  fine_grained: Type.Boolean({ description: "Always false: there are no groups" }),
});
export type CurrentIdentity = Static<typeof CurrentIdentity>;

const bearers = "/1.0/auth/identities/bearer";
const since = "auth_bearer";
const missing = ["identity_not_found"] as const;

export const identityEndpoints = defineEndpoints({
  getCurrentIdentity: {
    method: "GET", path: "/1.0/auth/identities/current", access: "any", kind: "sync", response: CurrentIdentity, since,
    summary: "Show who the caller is to the server, and until when",
  },
  listBearers: {
    method: "GET", path: bearers, access: "admin", kind: "sync", query: ListQuery, response: urlsOr(Identity), since, summary: "List the identities that show a bearer token",
  },
  createBearer: {
    method: "POST", path: bearers, access: "admin", kind: "sync", status: 201, body: IdentitiesBearerPost, since,
    errors: ["identity_exists", "invalid_name", "groups_unknown", "project_not_found"], summary: "Make an identity; it can do nothing until a token is issued for it",
  },
  getBearer: {
    method: "GET", path: `${bearers}/:name`, access: "admin", kind: "sync", response: Identity, etag: ["restricted", "projects", "role"], errors: missing, since,
    summary: "Show an identity, by its name or id",
  },
  replaceBearer: {
    method: "PUT", path: `${bearers}/:name`, access: "admin", kind: "sync", body: IdentityPut, precondition: "getBearer", since,
    errors: [...missing, "groups_unknown", "project_not_found"], summary: "Change what an identity may do (members of Berth's own that are absent stay): its connections are cut at once",
  },
  patchBearer: {
    method: "PATCH", path: `${bearers}/:name`, access: "admin", kind: "sync", body: IdentityPut, precondition: "getBearer", since,
    errors: [...missing, "groups_unknown", "project_not_found"], summary: "Change some of what an identity may do: its connections are cut at once",
  },
  deleteBearer: {
    method: "DELETE", path: `${bearers}/:name`, access: "admin", kind: "sync", errors: missing, since, summary: "Remove an identity: its token is good no longer, its connections are cut at once",
  },
  issueBearerToken: {
    method: "POST", path: `${bearers}/:name/token`, access: "admin", kind: "sync", since, errors: missing,
    body: Type.Object({ expiry: Type.Optional(Type.String({ description: "A span such as 1d 3H (S, M, H, d, w, m, y); 10y when absent" })) }),
    response: Type.Object({ token: Type.String() }), summary: "Issue a token for an identity, in the place of the one it has; it is shown this once",
  },
  revokeBearerToken: {
    method: "DELETE", path: `${bearers}/:name/token`, access: "admin", kind: "sync", since, errors: [...missing], summary: "Revoke the token of an identity: its connections are cut at once",
  },
});
