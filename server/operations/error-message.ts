// The sentence a user sees for whatever was thrown.
import { BerthError, fail } from "../api/errors.ts";
import { hasCode } from "../host/libc.ts";
import { explain, log } from "../log.ts";

/** A full disk can show anywhere: it is an expected error wherever it does. */
export function asExpected(error: unknown): unknown {
  if (!hasCode(error, "ENOSPC", "EDQUOT", "SQLITE_FULL")) return error;
  const { dest, path } = error as { dest?: string; path?: string };
  return fail("disk_full", { path: dest ?? path ?? "Berth's files" }, error);
}

/** Expected errors tell their own message; others are logged, with a short account of what happened. */
export function errorMessage(error: unknown): string {
  if (error instanceof BerthError) return error.message;
  log.error("unexpected error", { error: explain(error), stack: error instanceof Error ? error.stack : undefined });
  return error instanceof Error ? error.message : String(error);
}
