// Bearer tokens. They have the form of LXD's (a JWT that also tells the server's fingerprint), so that clients can read them; the
// server does not: it knows a token by its hash, and nothing of what it keeps lets one be made.
import { createHash, createHmac, randomBytes } from "node:crypto";
import { fail } from "../api/errors.ts";
import { endOfSpan } from "../instances/snapshots/expiry.ts";

/** How long a token is good when nothing is said, as in LXD. */
const usualSpan = "10y";
/** Years of more digits have no place in RFC 3339. */
const lastYear = 9999;
/** A header of Node's may be longer. */
const longestToken = 4096;

/** The end of a span such as `1d 3H`; empty: the usual one. Throws `bad_request`. */
export function endOfToken(span: string, from: Date): Date {
  const isSpan = /^\s*\d{1,6}[SMHdwmy](\s+\d{1,6}[SMHdwmy]){0,6}\s*$/.test(span);
  const end = span === "" || isSpan ? endOfSpan(span || usualSpan, from) : undefined;
  if (!end || end.getUTCFullYear() > lastYear) throw fail("bad_request", { reason: `Invalid expiry "${span.slice(0, 80)}": expected a span such as 1d 3H` });
  return end;
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const seconds = (time: Date) => Math.floor(time.getTime() / 1000);

/** The key that signs it is thrown away: what makes the token one that nobody can guess are its 64 random bytes. */
export function makeToken(subject: string, fingerprint: string, from: Date, until: Date): string {
  const claims = { iss: "berth", sub: subject, nbf: seconds(from), iat: seconds(from), exp: seconds(until), server_cert_fingerprint: fingerprint };
  const text = `${part({ alg: "HS512", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha512", randomBytes(64)).update(text).digest("base64url")}`;
}

export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** The token in an Authorization header; undefined when there is none of the kind. Throws `bearer_refused`. */
export function tokenIn(header: string | undefined): string | undefined {
  if (!header || !/^bearer( |$)/i.test(header)) return undefined;
  const token = header.slice("bearer ".length).trim();
  if (token === "" || token.length > longestToken) throw fail("bearer_refused");
  return token;
}
