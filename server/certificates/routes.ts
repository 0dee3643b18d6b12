// The endpoints of the trust store.
import type { Certificate, certificateEndpoints } from "../api/certificates.ts";
import { fail } from "../api/errors.ts";
import type { Caller } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import type { Implementation } from "../http/implementation.ts";
import { Operation } from "../operations/operation.ts";
import { addCertificate } from "./add.ts";
import type { CertificateRecord } from "./store.ts";
import { updateCertificate } from "./update.ts";

const urlOf = (fingerprint: string) => `/1.0/certificates/${fingerprint}`;

/** Users of the machine and bearers of tokens have names that could look like one. */
const ownFingerprint = ({ requestor }: Caller) => (requestor.protocol === "tls" ? requestor.username : undefined);

export function certificateRoutes(ctx: Context): Implementation<typeof certificateEndpoints> {
  const { trust } = ctx;
  const isVisible = (caller: Caller, { fingerprint }: CertificateRecord) => caller.admin || ownFingerprint(caller) === fingerprint;
  const tell = (action: string, fingerprint: string, { requestor }: Caller) =>
    ctx.events.lifecycle({ action: `certificate-${action}`, source: urlOf(fingerprint), requestor });

  const view = ({ name, type, restricted, role, certificate, fingerprint }: CertificateRecord): Certificate =>
    ({ name, type, restricted, projects: trust.store.projectsOf(fingerprint), certificate, fingerprint, role });

  /** Others' entries are not there for who is restricted. */
  const find = (caller: Caller, fingerprint: string): CertificateRecord => {
    const found = caller.admin ? trust.get(fingerprint) : trust.get(ownFingerprint(caller) ?? "");
    if (!isVisible(caller, found) || !found.fingerprint.startsWith(fingerprint)) throw fail("certificate_not_found");
    return found;
  };

  return {
    listCertificates: ({ query, caller }) => {
      const visible = trust.list().filter((one) => isVisible(caller, one));
      return query.recursion && query.recursion !== "0" ? visible.map(view) : visible.map(({ fingerprint }) => urlOf(fingerprint));
    },

    createCertificate: async ({ body, caller }) => {
      const made = await addCertificate(ctx, body, caller);
      if (made instanceof Operation) return made;
      tell("created", made, caller);
      return { location: urlOf(made) };
    },

    getCertificate: ({ params, caller }) => view(find(caller, params.fingerprint)),

    replaceCertificate: ({ params, body, caller }) => {
      const record = find(caller, params.fingerprint);
      updateCertificate(ctx, record, body, caller);
      tell("updated", record.fingerprint, caller);
    },

    patchCertificate: ({ params, body, caller }) => {
      const record = find(caller, params.fingerprint);
      const { name, type, restricted, projects } = view(record);
      updateCertificate(ctx, record, { name, type, restricted, projects, ...body }, caller);
      tell("updated", record.fingerprint, caller);
    },

    deleteCertificate: ({ params, caller }) => {
      const { fingerprint } = find(caller, params.fingerprint);
      trust.remove(fingerprint, caller);
      tell("deleted", fingerprint, caller);
    },
  };
}
