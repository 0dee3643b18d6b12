// The sentence a user sees for whatever was thrown.
import { BerthError } from "../api/errors.ts";
import { explain, log } from "../log.ts";

/** Expected errors tell their own message; others are logged, with a short account of what happened. */
export function errorMessage(error: unknown): string {
  if (error instanceof BerthError) return error.message;
  log.error("unexpected error", { error: explain(error), stack: error instanceof Error ? error.stack : undefined });
  return error instanceof Error ? error.message : String(error);
}
