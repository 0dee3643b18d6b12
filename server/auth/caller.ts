// Who a request comes from, and what the server lets it do.
import type { Role } from "../api/certificates.ts";
import { type Endpoint, type ProjectAccess, projectAccess } from "../api/endpoint.ts";
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";

export interface Caller {
  readonly requestor: Requestor;
  /** False: a stranger, who may see what is public. */
  readonly trusted: boolean;
  /** May do everything. */
  readonly admin: boolean;
  /** The most it may do in a project; undefined: not even see it. */
  accessTo(project: string): ProjectAccess | undefined;
  /** Who a stranger is where metrics are read, if it may read them. */
  readonly forMetrics?: Caller;
  /** The certificate that was shown over TLS, trusted or not, in DER. */
  readonly certificate?: Buffer;
}

/** Who may do everything: root and the socket's group, and clients that are not restricted. */
export function administrator(requestor: Requestor): Caller {
  return { requestor, trusted: true, admin: true, accessTo: () => "edit" };
}

/** What a role allows in the projects of who has it. */
export const accessOf: Readonly<Record<Role, ProjectAccess>> = { viewer: "view", operator: "operate", admin: "edit" };

/** Whether a caller may do things that need `wanted` in a project. */
export function mayIn(caller: Caller, project: string, wanted: ProjectAccess): boolean {
  const has = caller.accessTo(project);
  return has !== undefined && projectAccess.indexOf(has) >= projectAccess.indexOf(wanted);
}

/** What a request says of itself, as far as that decides who may make it. */
export interface Wish {
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly path: string;
}

/** Whether a query asks for the things of all projects. */
export function isForAll(query: Readonly<Record<string, string | undefined>>): boolean {
  return query["all-projects"] === "true" || query["all-projects"] === "1";
}

function isAllowed(caller: Caller, endpoint: Endpoint, { query, path }: Wish): boolean {
  if (path.startsWith("/internal/") && caller.requestor.protocol !== "unix") return false;
  if (caller.admin) return true;
  if (!caller.trusted) return endpoint.untrusted ?? false;
  if (endpoint.access === "admin") return false;
  if (endpoint.access === "any" || (endpoint.allProjects && isForAll(query))) return true;
  return mayIn(caller, query["project"] || "default", endpoint.access);
}

/** Who calls an endpoint, if it may. Throws `forbidden`. */
export function admit(caller: Caller, endpoint: Endpoint, wish: Wish): Caller {
  const as = endpoint.metrics && caller.forMetrics ? caller.forMetrics : caller;
  if (!isAllowed(as, endpoint, wish)) throw fail("forbidden");
  return as;
}
