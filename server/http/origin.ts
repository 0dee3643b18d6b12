// Web pages: which may use the API, and what their browsers are told of that.
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { TLSSocket } from "node:tls";
import { fail } from "../api/errors.ts";

/** As core.https_allowed_* say; empty strings for what is not set. */
export interface PagePolicy {
  origin: string;
  methods: string;
  headers: string;
  credentials: boolean;
}

/** The host of an origin or of a Host header; ports may differ behind a proxy. */
function hostIn(url: string): string | undefined {
  try {
    return new URL(url).hostname;
  } catch {
    return undefined;
  }
}

/**
 * The headers for a request that a page has made. A browser shows the user's certificate for whatever page asks it to:
 * over the network, pages that are not the server's own and not allowed are refused. Throws `origin_refused`.
 */
export function answerPage(policy: PagePolicy, { headers, socket }: IncomingMessage): OutgoingHttpHeaders {
  const origin = String(headers["origin"] ?? "");
  const isOwn = hostIn(origin) !== undefined && hostIn(origin) === hostIn(`http://${headers.host ?? ""}`);
  if (socket instanceof TLSSocket && !isOwn && policy.origin !== "*" && policy.origin !== origin) throw fail("origin_refused", { origin: origin.slice(0, 200) });
  return {
    ...(policy.origin ? { "access-control-allow-origin": policy.origin } : {}),
    ...(policy.methods ? { "access-control-allow-methods": policy.methods } : {}),
    ...(policy.headers ? { "access-control-allow-headers": policy.headers } : {}),
    ...(policy.credentials ? { "access-control-allow-credentials": "true" } : {}),
  };
}
