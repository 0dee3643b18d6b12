// Gives the failure of a tool its meaning: this network did not come up.
import { BerthError, fail } from "../server/api/errors.ts";

/** The `network_start_failed` of a network, with a reason and a way out. */
export function startFailed(name: string, reason: string, hint = "", cause?: unknown): BerthError {
  return fail("network_start_failed", { name, reason, hint }, cause);
}

/** Wraps what a tool threw; a tool that is missing keeps its own error, which says what to install. */
export function explainFailure(name: string, error: unknown, hint = ""): BerthError {
  if (error instanceof BerthError && ["network_start_failed", "tool_missing"].includes(error.code)) return error;
  if (error instanceof BerthError && error.code === "tool_failed") {
    return startFailed(name, `${error.details["tool"]}: ${error.details["reason"]}`, hint, error);
  }
  return startFailed(name, error instanceof Error ? error.message : String(error), hint, error);
}
