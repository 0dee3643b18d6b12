// The endpoints of identities.
import { bearerType, type CurrentIdentity, type Identity, type IdentityPut, type identityEndpoints } from "../api/identities.ts";
import type { Role } from "../api/certificates.ts";
import { fail } from "../api/errors.ts";
import type { Caller } from "../auth/caller.ts";
import { checkRights } from "../certificates/add.ts";
import { parseCertificate, toPem } from "../certificates/parse.ts";
import type { Context } from "../context.ts";
import type { Implementation } from "../http/implementation.ts";
import { checkIdentityName } from "./name.ts";
import type { BearerRecord, BearerRights } from "./store.ts";

const urlOf = (name: string) => `/1.0/auth/identities/bearer/${encodeURIComponent(name)}`;

export function identityRoutes(ctx: Context): Implementation<typeof identityEndpoints> {
  const { bearers } = ctx;
  const tell = (action: string, name: string, { requestor }: Caller) =>
    ctx.events.lifecycle({ action: `identity-${action}`, source: urlOf(name), requestor });

  const view = ({ uuid, name, restricted, role, token, expiresAt }: BearerRecord): Identity => ({
    authentication_method: "bearer", type: bearerType, id: uuid, name, groups: [], tls_certificate: "",
    ...(token === "" ? {} : { expires_at: new Date(expiresAt).toISOString() }),
    restricted, projects: bearers.store.projectsOf(uuid), role,
  });

  /** LXD's clients know nothing of rights: those that are not given stay. */
  const change = (name: string, body: IdentityPut, caller: Caller) => {
    const record = bearers.get(name);
    const { restricted, projects, role } = view(record);
    bearers.setRights(record, readRights(ctx, { restricted, projects, ...body, role: body.role ?? (body.restricted === false ? "admin" : role) }), caller);
    tell("updated", record.name, caller);
  };

  return {
    getCurrentIdentity: ({ caller }) => describeCaller(ctx, caller, view),

    listBearers: ({ query }) => {
      const all = bearers.list();
      return query.recursion && query.recursion !== "0" ? all.map(view) : all.map(({ name }) => urlOf(name));
    },

    createBearer: ({ body, caller }) => {
      const { name, type = bearerType } = body;
      if (type !== bearerType && type !== "bearer") throw fail("bad_request", { reason: `Identities of type "${type.slice(0, 80)}" cannot be created: expected "${bearerType}"` });
      checkIdentityName(name);
      bearers.add(name, readRights(ctx, body));
      tell("created", name, caller);
      return { location: urlOf(name) };
    },

    getBearer: ({ params }) => view(bearers.get(params.name)),

    replaceBearer: ({ params, body, caller }) => change(params.name, body, caller),

    patchBearer: ({ params, body, caller }) => change(params.name, body, caller),

    deleteBearer: ({ params, caller }) => {
      const record = bearers.get(params.name);
      bearers.remove(record, caller);
      tell("deleted", record.name, caller);
    },

    issueBearerToken: ({ params, body, caller }) => {
      const record = bearers.get(params.name);
      const token = bearers.issue(record, body.expiry ?? "", ctx.https.certificate.fingerprint, caller);
      tell("updated", record.name, caller);
      return { token };
    },

    revokeBearerToken: ({ params, caller }) => {
      const record = bearers.get(params.name);
      bearers.revoke(record, caller);
      tell("updated", record.name, caller);
    },
  };
}

/** Throws `groups_unknown`, `bad_request` or `project_not_found`. */
function readRights(ctx: Context, { groups, tls_certificate, restricted = true, projects = [], role = "admin" }: IdentityPut): BearerRights {
  if (groups?.length) throw fail("groups_unknown");
  if (tls_certificate) throw fail("bad_request", { reason: "A bearer identity has no certificate" });
  const checked = checkRights(ctx, { restricted, projects, role }, "identities");
  return { ...checked, role: checked.role as Role };
}

const none = { effective_groups: [], effective_permissions: [], fine_grained: false };

/** Who is not known by a token is shown in the same form. */
function describeCaller({ bearers, trust }: Context, { requestor, admin, certificate }: Caller, view: (record: BearerRecord) => Identity): CurrentIdentity {
  const { protocol, username } = requestor;
  if (protocol === "bearer") return { ...view(bearers.get(username)), ...none };
  const common = { authentication_method: protocol, id: username, groups: [], ...none };
  if (protocol === "unix") return { ...common, type: "unix", name: username, tls_certificate: "", restricted: !admin, projects: [], role: "admin" };
  if (!certificate) throw fail("forbidden");
  const { commonName, der, until } = parseCertificate(certificate);
  const { name, role } = trust.list().find(({ fingerprint }) => fingerprint === username) ?? { name: commonName, role: "admin" }; // none: an authority has signed it
  return {
    ...common, type: `Client certificate (${admin ? "unrestricted" : "restricted"})`, name, tls_certificate: toPem(der),
    expires_at: new Date(until).toISOString(), restricted: !admin, projects: trust.store.projectsOf(username), role,
  };
}
