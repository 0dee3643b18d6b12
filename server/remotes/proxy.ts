// Proxies on the way to other servers: the server's configuration, else the environment that the daemon was started in.
import { request } from "node:http";
import { isIP, type Socket } from "node:net";
import { fail } from "../api/errors.ts";
import type { Config } from "../api/schemas.ts";

export interface Proxies {
  /** URL of the proxy for https:// and for http:// addresses; empty: none. */
  https: string;
  http: string;
  /** Hosts that are asked directly: names and what ends in them, addresses, `*`; separated by commas. */
  ignore: string;
}

const limit = 10_000;

export function proxiesOf(config: Config, env: NodeJS.ProcessEnv = process.env): Proxies {
  const from = (name: string) => env[name.toUpperCase()] || env[name] || "";
  return {
    https: config["core.proxy_https"] || from("https_proxy"), http: config["core.proxy_http"] || from("http_proxy"),
    ignore: config["core.proxy_ignore_hosts"] || from("no_proxy"),
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function isIgnored(host: string, port: string, ignore: string): boolean {
  return ignore.split(",").map((entry) => entry.trim().toLowerCase()).some((entry) => {
    if (entry === "*") return true;
    const [, name = "", wanted] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
    if (name === "" || (wanted !== undefined && wanted !== port)) return false;
    return host === name.replace(/^\./, "") || host.endsWith(name.startsWith(".") ? name : `.${name}`);
  });
}

/** The proxy for a URL; undefined: none. This machine itself is never asked through one. */
export function proxyFor(url: URL, proxies: Proxies): URL | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const proxy = url.protocol === "https:" ? proxies.https : proxies.http;
  if (!proxy || isLoopback(host) || isIgnored(host, url.port || (url.protocol === "https:" ? "443" : "80"), proxies.ignore)) return undefined;
  const text = /^\w+:\/\//.test(proxy) ? proxy : `http://${proxy}`;
  if (!URL.canParse(text) || new URL(text).protocol !== "http:") throw fail("bad_request", { reason: `The proxy "${proxy}" is no http:// URL` });
  return new URL(text);
}

/** The header by which a proxy knows whom it works for. */
export function proxyHeaders(proxy: URL): Record<string, string> {
  if (!proxy.username) return {};
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(user).toString("base64")}` };
}

/** A connection to HOST:PORT through a proxy. */
export function openTunnel(proxy: URL, target: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const lost = (reason: string, cause?: unknown) => reject(fail("remote_unreachable", { url: proxy.origin, reason }, cause));
    const connect = request({ host: proxy.hostname, port: proxy.port || 80, method: "CONNECT", path: target, headers: { host: target, ...proxyHeaders(proxy) }, timeout: limit, agent: false });
    connect.once("connect", (response, socket) => {
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      lost(`the proxy answered ${response.statusCode} to CONNECT ${target}`);
    });
    connect.once("timeout", () => connect.destroy(new Error(`no answer within ${limit / 1000} s`)));
    connect.once("error", (error) => lost(error.message, error));
    connect.end();
  });
}
