// Tokens by which a client becomes trusted: operations that run until they are used, revoked or too old.
import { createHash, timingSafeEqual } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { CertificatesPost } from "../api/certificates.ts";
import { fail } from "../api/errors.ts";
import type { Context } from "../context.ts";
import { endOfSpan } from "../instances/snapshots/expiry.ts";
import { makeSecret, type Operation } from "../operations/operation.ts";

/** What a token lets its user become. */
export type Grant = Required<Pick<CertificatesPost, "name" | "type" | "restricted" | "projects" | "role">>;

interface Token {
  secret: string;
  expiresAt: number;
  grant: Grant;
  operation: Operation;
  /** Ends the operation well. */
  used: () => void;
}

const longestTimer = 2 ** 31 - 1;

export class Tokens {
  readonly #all = new Map<string, Token>();

  /** Issues one. `expiry`: as of core.remote_token_expiry, empty for never. */
  issue(ctx: Context, grant: Grant, addresses: readonly string[], expiry: string): Operation {
    const secret = makeSecret();
    const expiresAt = endOfSpan(expiry, new Date())?.getTime() ?? Number.POSITIVE_INFINITY;
    let use = () => {};
    const used = new Promise<void>((resolve) => {
      use = resolve;
    });
    const operation = ctx.operations.start({
      class: "token", description: "Executing operation", cancellable: true, openEnded: true, confidential: true,
      metadata: {
        secret, fingerprint: ctx.https.certificate.fingerprint, addresses: [...addresses], request: { ...grant, certificate: "", password: "", token: true },
        ...(Number.isFinite(expiresAt) ? { expiresAt: new Date(expiresAt).toISOString() } : {}),
      },
      run: async ({ signal }) => {
        try {
          await Promise.race([used, untilAborted(signal), untilExpired(expiresAt, signal)]);
        } finally {
          this.#all.delete(secret);
        }
      },
    });
    this.#all.set(secret, { secret, expiresAt, grant, operation, used: use });
    return operation;
  }

  /** Takes a token for good. Throws `token_unknown` or `token_expired`. */
  redeem(secret: string): Grant {
    const token = [...this.#all.values()].find((one) => isSame(one.secret, secret));
    if (!token || token.operation.isFinal) throw fail("token_unknown");
    this.#all.delete(token.secret);
    token.used();
    if (Date.now() > token.expiresAt) throw fail("token_expired");
    return token.grant;
  }
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash("sha256").update(text).digest());
  return timingSafeEqual(left as Buffer, right as Buffer);
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}

async function untilExpired(at: number, signal: AbortSignal): Promise<void> {
  while (Date.now() < at && !signal.aborted) await sleep(Math.min(at - Date.now(), longestTimer), undefined, { signal, ref: false });
  throw fail("token_expired");
}

/** The secret in a token's text as clients build it: base64 of JSON. Undefined when the text is none. */
export function secretIn(text: string): string | undefined {
  try {
    const token = JSON.parse(Buffer.from(text, "base64").toString("utf8")) as { secret?: unknown; client_name?: unknown; server_name?: unknown };
    const isToken = typeof token.secret === "string" && (typeof token.client_name === "string" || typeof token.server_name === "string");
    return isToken ? (token.secret as string) : undefined;
  } catch {
    return undefined;
  }
}
