// What the user gives for a server: an address in one of many spellings, or a token.
import { existsSync, statSync } from "node:fs";
import { CliError } from "../errors.ts";

const defaultPort = 8443;

function isSocket(path: string): boolean {
  return existsSync(path) && statSync(path).isSocket();
}

/** `https://host:port` or `unix:///path` of what was typed. */
export function parseAddress(text: string, isUnix: (path: string) => boolean = isSocket): string {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (scheme !== undefined && scheme !== "https" && scheme !== "unix") throw new CliError(`Invalid URL scheme "${scheme}" in "${text}"`);
  if (scheme === "unix" || text.startsWith("unix:")) return `unix://${text.replace(/^unix:(\/\/)?/, "")}`;
  if (scheme === undefined && (text.startsWith("/") || isUnix(text))) return `unix://${text}`;
  // A bare IPv6 address has no brackets and no port.
  const host = (rest ?? text).replace(/\/.*$/, "");
  const bracketed = /^[^[]*:[^[]*:/.test(host) ? `[${host}]` : host;
  let url: URL;
  try {
    url = new URL(`https://${bracketed}`);
  } catch (cause) {
    throw new CliError(`"${text}" is not the address of a server`, { cause, hint: "write a host name or an address, with or without a port: host:8443" });
  }
  return `https://${url.hostname}:${portOf(bracketed) ?? defaultPort}`;
}

/** URL leaves out the port that https has by itself. */
function portOf(host: string): string | undefined {
  return /:(\d{1,5})$/.exec(host.replace(/^\[[^\]]*\]/, ""))?.[1];
}

/** What `config trust add` gives out. */
export interface Token {
  fingerprint: string;
  /** `host:port` */
  addresses: string[];
}

/** Undefined when the text is no token. */
export function parseToken(text: string): Token | undefined {
  if (!/^[A-Za-z0-9+/]{40,}={0,2}$/.test(text)) return undefined;
  try {
    const token = JSON.parse(Buffer.from(text, "base64").toString("utf8")) as Partial<Token> & { secret?: string };
    const isWhole = typeof token.fingerprint === "string" && typeof token.secret === "string" && Array.isArray(token.addresses);
    return isWhole ? { fingerprint: token.fingerprint ?? "", addresses: (token.addresses ?? []).map(String) } : undefined;
  } catch {
    return undefined;
  }
}
