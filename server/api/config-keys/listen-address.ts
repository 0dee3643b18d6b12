// Addresses that a server listens on: `:8443`, `10.0.0.1`, `[::1]:8443`, `host:8443`.
import ipaddr from "ipaddr.js";

export interface ListenAddress {
  /** Empty: all addresses. */
  host: string;
  port: number;
}

/** Undefined when it is none. A port that is not told is `defaultPort`. */
export function parseListenAddress(text: string, defaultPort: number): ListenAddress | undefined {
  if (ipaddr.IPv6.isValid(text)) return { host: text, port: defaultPort };
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{0,5}))?$/.exec(text);
  if (!match || text === "") return undefined;
  const [, bracketed, plain = "", digits] = match;
  const port = digits ? Number(digits) : defaultPort;
  if (port < 1 || port > 65_535) return undefined;
  if (bracketed !== undefined) return ipaddr.IPv6.isValid(bracketed) ? { host: bracketed, port } : undefined;
  const isHost = plain === "" || ipaddr.IPv4.isValidFourPartDecimal(plain) || (/^[a-z\d]([a-z\d.-]*[a-z\d])?$/i.test(plain) && !/^[\d.]+$/.test(plain));
  return isHost && plain.length <= 253 ? { host: plain, port } : undefined;
}

/** An address with its port, as URLs have it. */
export function joinAddress(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The type of keys that hold one. */
export const listenAddress = {
  kind: "check", name: "address and port",
  check: (value: string) => (parseListenAddress(value, 1) ? undefined : "expected an address with a port such as :8443, 10.0.0.1:8443 or [::1]:8443"),
} as const;
