// Adds to the trust store: what an administrator gives, or the certificate of a client that knows a token or the password.
import { certificateTypes, type CertificatesPost, type Role, roles } from "../api/certificates.ts";
import { fail } from "../api/errors.ts";
import type { Caller } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import { log } from "../log.ts";
import type { Operation } from "../operations/operation.ts";
import { assertUsable, type ParsedCertificate, parseCertificate, toPem } from "./parse.ts";
import { isPassword } from "./password.ts";
import type { CertificateRecord } from "./store.ts";
import { type Grant, secretIn } from "./tokens.ts";

type Wanted = Pick<CertificatesPost, "name" | "type" | "restricted" | "projects" | "role">;

/** Checks what a certificate is to be. Throws `bad_request` or `project_not_found`. */
export function checkGrant(ctx: Context, { name = "", type = "", restricted = false, projects = [], role = "admin" }: Wanted): Grant {
  if (!certificateTypes.some((known) => known === type)) throw fail("bad_request", { reason: `Unknown certificate type "${type}": expected ${certificateTypes.join(" or ")}` });
  if (/[\0-\x1f\x7f]/.test(name)) throw fail("invalid_name", { what: "certificate", name: name.slice(0, 80), reason: "it may not hold control characters" });
  return { name, type, ...checkRights(ctx, { restricted, projects, role }, "certificates") };
}

/** What one may do, each of `whose`. */
type Rights = Pick<Grant, "restricted" | "projects" | "role">;

/** Throws `bad_request` or `project_not_found`. */
export function checkRights(ctx: Context, { restricted, projects, role }: Rights, whose: string): Rights {
  if (!roles.some((known) => known === role)) throw fail("bad_request", { reason: `Unknown role "${role}": expected one of ${roles.join(", ")}` });
  if (role !== "admin" && !restricted) throw fail("bad_request", { reason: `A role is for restricted ${whose}: one that is not restricted may do everything` });
  for (const project of projects) ctx.projects.get(project);
  return { restricted, projects, role };
}

/** Answers a request for a new entry: with its fingerprint, or with the operation of a token. */
export async function addCertificate(ctx: Context, body: CertificatesPost, caller: Caller): Promise<string | Operation> {
  if (body.token && body.certificate) throw fail("bad_request", { reason: "Can't use certificate if token is requested" });
  if (body.token && body.type !== "client") throw fail("bad_request", { reason: "Tokens can only be issued for client certificates" });
  if (caller.trusted && !body.certificate && !body.token) throw fail("already_trusted");
  if (body.token) return issueToken(ctx, body, caller);
  const wanted = caller.admin ? body : await earn(ctx, body, caller);
  const certificate = certificateOf(wanted, caller);
  assertUsable(certificate);
  const grant = checkGrant(ctx, wanted);
  const name = grant.name || certificate.commonName || hostOf(caller.requestor.address);
  ctx.trust.add({ ...grantedTo(grant), name, fingerprint: certificate.fingerprint, certificate: toPem(certificate.der) }, grant.projects);
  return certificate.fingerprint;
}

/** The columns of a record that a grant decides. */
export function grantedTo({ name, type, restricted, role }: Grant): Omit<CertificateRecord, "fingerprint" | "certificate"> {
  return { name, type: type as CertificateRecord["type"], restricted, role: role as Role };
}

function issueToken(ctx: Context, body: CertificatesPost, caller: Caller): Operation {
  if (ctx.settings.get("core.https_address") === "") throw fail("not_listening");
  if (!caller.admin) throw fail("forbidden");
  return ctx.tokens.issue(ctx, checkGrant(ctx, body), ctx.https.addressesForToken(), ctx.settings.get("core.remote_token_expiry"));
}

/** What somebody who is no administrator may become: what a token says, or what it likes when it knows the password. */
async function earn(ctx: Context, body: CertificatesPost, caller: Caller): Promise<CertificatesPost> {
  if (!body.password) throw fail("forbidden");
  const secret = secretIn(body.password);
  if (secret !== undefined) return ctx.tokens.redeem(secret);
  const hash = ctx.settings.get("core.trust_password");
  if (hash !== "" && (await isPassword(hash, body.password))) return body;
  log.warn("wrong trust password", { address: caller.requestor.address });
  throw fail("forbidden");
}

function certificateOf({ certificate }: CertificatesPost, caller: Caller): ParsedCertificate {
  if (certificate) return parseCertificate(Buffer.from(certificate, "base64"));
  if (caller.certificate) return parseCertificate(caller.certificate);
  throw fail("certificate_invalid", { reason: caller.requestor.protocol === "tls" ? "No client certificate provided" : "Can't use TLS data on non-TLS link" });
}

const hostOf = (address: string) => address.replace(/:\d+$/, "");
