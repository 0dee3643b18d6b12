// ETags: a hash over the members of an object that a writer may change.
import { createHash } from "node:crypto";
import { fail } from "../api/errors.ts";

/** The ETag's text, without quotes. */
export function etagOf(value: object, members: readonly string[]): string {
  const picked = members.map((member) => (value as Record<string, unknown>)[member] ?? null);
  return createHash("sha256").update(JSON.stringify(picked)).digest("hex");
}

/** Throws `etag_mismatch` unless the If-Match header, if any, names this ETag. */
export function assertMatches(ifMatch: string | undefined, etag: string): void {
  if (ifMatch === undefined || ifMatch === "" || ifMatch === "*") return;
  const found = ifMatch.replace(/^W\//, "").replaceAll('"', "");
  if (found !== etag) throw fail("etag_mismatch", { expected: etag, found: found.slice(0, 80) });
}
