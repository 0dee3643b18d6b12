// What of an operation a caller is shown: nothing of other projects, and no secrets that would let it do more than it may.
import type { Operation } from "../api/operations.ts";
import { type Caller, mayIn } from "../auth/caller.ts";

export interface Told {
  /** Empty: of no project, seen by all. */
  project: string;
  /** For administrators of the server only. */
  confidential: boolean;
  view: Operation;
}

/** Undefined: it is not there for that caller. */
export function shownTo(caller: Caller, { project, confidential, view }: Told): Operation | undefined {
  if (caller.admin) return view;
  if (confidential || (project !== "" && !mayIn(caller, project, "view"))) return undefined;
  // The metadata of others than tasks hold the secrets of their websockets, or are tokens.
  return view.class === "task" || mayIn(caller, project || "default", "operate") ? view : { ...view, metadata: {} };
}
