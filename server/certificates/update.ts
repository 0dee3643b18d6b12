// Changes an entry of the trust store. Who is restricted may put another certificate in the place of its own, and no more.
import type { CertificatePut } from "../api/certificates.ts";
import { fail } from "../api/errors.ts";
import type { Caller } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import { checkGrant, grantedTo } from "./add.ts";
import { assertUsable, parseCertificate, toPem } from "./parse.ts";
import type { CertificateRecord } from "./store.ts";

const isSameSet = (a: readonly string[], b: readonly string[]) => [...a].sort().join("\n") === [...b].sort().join("\n");

export function updateCertificate(ctx: Context, record: CertificateRecord, body: CertificatePut, caller: Caller): void {
  const before = { ...record, projects: ctx.trust.store.projectsOf(record.fingerprint) };
  const grant = checkGrant(ctx, { ...body, role: body.restricted ? (body.role ?? record.role) : (body.role ?? "admin") });
  if (!caller.admin) {
    const isSame = grant.name === before.name && grant.type === before.type && grant.restricted === before.restricted && grant.role === before.role;
    if (!isSame || !isSameSet(grant.projects, before.projects)) throw fail("certificate_only");
  }
  const { fingerprint, certificate } = replacement(record, body.certificate);
  ctx.trust.replace(record.fingerprint, { ...grantedTo(grant), fingerprint, certificate }, grant.projects, caller);
}

function replacement(record: CertificateRecord, pem: string | undefined): Pick<CertificateRecord, "fingerprint" | "certificate"> {
  if (!pem || pem === record.certificate) return record;
  const certificate = parseCertificate(pem);
  if (certificate.fingerprint === record.fingerprint) return record;
  assertUsable(certificate);
  return { fingerprint: certificate.fingerprint, certificate: toPem(certificate.der) };
}
