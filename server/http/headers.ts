// The headers that LXD's clients send with bytes; those of Incus have another prefix.
import type { IncomingHttpHeaders } from "node:http";

/** The value of `X-LXD-name` or `X-Incus-name`; empty when there is neither. */
export function extraHeader(headers: IncomingHttpHeaders, name: string): string {
  return String(headers[`x-lxd-${name}`] ?? headers[`x-incus-${name}`] ?? "");
}
