// Who a request comes from, and what the server lets it do.
import { type Access, type ProjectAccess, projectAccess } from "../api/endpoint.ts";
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
}

/** Who may do everything: root and the socket's group, and clients whose certificate is not restricted. */
export function administrator(requestor: Requestor): Caller {
  return { requestor, trusted: true, admin: true, accessTo: () => "edit" };
}

/** Whether a caller may do things that need `wanted` in a project. */
export function mayIn(caller: Caller, project: string, wanted: ProjectAccess): boolean {
  const has = caller.accessTo(project);
  return has !== undefined && projectAccess.indexOf(has) >= projectAccess.indexOf(wanted);
}

/** Whether a caller may use an endpoint that needs `access`, of things in `project`; `untrusted`: strangers may, too. */
export function isAllowed(caller: Caller, access: Access, untrusted: boolean, project: string): boolean {
  if (caller.admin) return true;
  if (!caller.trusted) return untrusted;
  if (access === "admin") return false;
  return access === "any" || mayIn(caller, project, access);
}

/** Throws `forbidden` for what `isAllowed` denies. */
export function assertAllowed(caller: Caller, access: Access, untrusted: boolean, project: string): void {
  if (!isAllowed(caller, access, untrusted, project)) throw fail("forbidden");
}
