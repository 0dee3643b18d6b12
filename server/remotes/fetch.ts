// Fetching from web servers: over TLS or plainly, through a proxy where there is one, following redirections.
import { type IncomingMessage, request } from "node:http";
import { fail } from "../api/errors.ts";
import { compatibleVersion } from "../api/server.ts";
import { hostArchitecture } from "../../images/metadata.ts";
import { berthVersion } from "../info/version.ts";
import { type Proxies, proxyFor, proxyHeaders } from "./proxy.ts";
import { ServerClient } from "./server-client.ts";

export interface FetchOptions {
  method?: "GET" | "HEAD";
  headers?: Record<string, string>;
  proxies: Proxies;
  /** PEM of the certificate that a server must have; the authorities of this machine speak for it when absent. */
  certificate?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Milliseconds during which nothing comes, after which it is given up. */
  idleTimeout?: number;
}

export const defaultIdleTimeout = 30_000;
const mostRedirections = 10;

/** How the server is told who asks. */
export const userAgent = `LXD ${compatibleVersion} (Linux; ${hostArchitecture()}; Berth ${berthVersion})`;

/** The head of the answer, whatever its status but a redirection. Throws `download_failed`, `remote_unreachable`. */
export async function fetchUrl(address: string, options: FetchOptions): Promise<IncomingMessage> {
  let url = parse(address);
  for (let i = 0; i <= mostRedirections; i++) {
    const response = await ask(url, options);
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || !location) return response;
    response.destroy();
    const next = parse(new URL(location, url).href);
    if (url.protocol === "https:" && next.protocol !== "https:") throw fail("download_failed", { url: url.href, reason: `it leads to ${next.origin}, which is not https` });
    url = next;
  }
  throw fail("download_failed", { url: address, reason: `it redirects more than ${mostRedirections} times` });
}

function parse(address: string): URL {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) throw fail("bad_request", { reason: `"${address.slice(0, 200)}" is no http:// or https:// URL` });
  return new URL(address);
}

function ask(url: URL, { method = "GET", headers = {}, proxies, certificate, signal, idleTimeout = defaultIdleTimeout }: FetchOptions): Promise<IncomingMessage> {
  signal?.throwIfAborted();
  const proxy = proxyFor(url, proxies);
  const sent = { "user-agent": userAgent, ...headers };
  const path = `${url.pathname}${url.search}`;
  if (url.protocol === "https:") return new ServerClient({ url: url.origin, certificate, proxy }).open(path, { method, headers: sent, idleTimeout, ...(signal ? { signal } : {}) });
  const way = proxy ? { host: proxy.hostname, port: proxy.port || 80, path: url.href } : { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port || 80, path };
  return new Promise((resolve, reject) => {
    const lost = (error: Error) => reject(fail("remote_unreachable", { url: url.origin, reason: error.message }, error));
    const sending = request({ ...way, method, agent: false, signal, timeout: idleTimeout, headers: { host: url.host, ...(proxy ? proxyHeaders(proxy) : {}), ...sent } }, resolve);
    sending.on("timeout", () => sending.destroy(new Error(`nothing came for ${idleTimeout / 1000} s`)));
    sending.on("error", lost);
    sending.end();
  });
}
