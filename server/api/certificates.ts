// The trust store: the certificates of those who may use the server over the network.
import { type Static, Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";
import { ListQuery, urlsOr } from "./schemas.ts";

/** `client`: may use the API; `metrics`: may read the metrics and nothing else. */
export const certificateTypes = ["client", "metrics"] as const;
/** What a restricted client may do in its projects, each with what stands before it; Berth's own addition to LXD's API. */
export const roles = ["viewer", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

const writable = {
  name: Type.Optional(Type.String({ maxLength: 255 })),
  type: Type.Optional(Type.String({ description: "client, or metrics" })),
  restricted: Type.Optional(Type.Boolean({ description: "Only its projects, and nothing of the server" })),
  projects: Type.Optional(Type.Array(Type.String(), { maxItems: 1000 })),
  role: Type.Optional(Type.String({ description: "viewer, operator or admin: what it may do in its projects; for restricted ones. admin when absent" })),
};

export const CertificatePut = Type.Object({
  ...writable,
  certificate: Type.Optional(Type.String({ description: "PEM; another one takes the place of the old" })),
});
export type CertificatePut = Static<typeof CertificatePut>;

export const CertificatesPost = Type.Object({
  ...writable,
  certificate: Type.Optional(Type.String({ description: "Base64 of the DER form; the connection's own when absent" })),
  password: Type.Optional(Type.String({ maxLength: 16_384, description: "The trust password or a token, of those who are not trusted yet" })),
  token: Type.Optional(Type.Boolean({ description: "Answers with an operation that holds a token for another client" })),
});
export type CertificatesPost = Static<typeof CertificatesPost>;

export const Certificate = Type.Object({
  name: Type.String(),
  type: Type.String(),
  restricted: Type.Boolean(),
  projects: Type.Array(Type.String()),
  certificate: Type.String({ description: "PEM" }),
  fingerprint: Type.String({ description: "SHA-256 of the DER form" }),
  role: Type.String(),
});
export type Certificate = Static<typeof Certificate>;

export const certificateEndpoints = defineEndpoints({
  listCertificates: {
    method: "GET", path: "/1.0/certificates", access: "any", kind: "sync", query: ListQuery, response: urlsOr(Certificate),
    summary: "List trusted certificates; those who are restricted see their own",
  },
  createCertificate: {
    method: "POST", path: "/1.0/certificates", access: "any", kind: "sync", status: 201, orOperation: true, untrusted: true, body: CertificatesPost,
    errors: ["certificate_exists", "certificate_invalid", "already_trusted", "token_unknown", "token_expired", "not_listening", "too_many_attempts"],
    summary: "Trust a certificate, or issue a token by which another client can become trusted",
  },
  getCertificate: {
    method: "GET", path: "/1.0/certificates/:fingerprint", access: "any", kind: "sync", response: Certificate,
    etag: ["name", "type", "restricted", "projects", "certificate", "role"], errors: ["certificate_not_found", "certificate_ambiguous"],
    summary: "Show a trusted certificate; the beginning of its fingerprint will do",
  },
  replaceCertificate: {
    method: "PUT", path: "/1.0/certificates/:fingerprint", access: "any", kind: "sync", body: CertificatePut, precondition: "getCertificate",
    errors: ["certificate_not_found", "certificate_exists", "certificate_invalid", "certificate_only"],
    summary: "Change a trusted certificate; those who are restricted may replace their own by another",
  },
  patchCertificate: {
    method: "PATCH", path: "/1.0/certificates/:fingerprint", access: "any", kind: "sync", body: CertificatePut, precondition: "getCertificate",
    errors: ["certificate_not_found", "certificate_exists", "certificate_invalid", "certificate_only"],
    summary: "Change some of a trusted certificate",
  },
  deleteCertificate: {
    method: "DELETE", path: "/1.0/certificates/:fingerprint", access: "admin", kind: "sync",
    errors: ["certificate_not_found", "certificate_ambiguous"], summary: "Trust a certificate no longer: its connections are cut at once",
  },
});
