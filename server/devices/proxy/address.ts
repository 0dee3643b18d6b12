// Addresses of proxy devices: PROTOCOL:ADDRESS[:PORTS], as `tcp:127.0.0.1:80`, `udp:[::1]:5000-5010,6000`, `unix:/run/x.sock`
// and `unix:@name`.
import { formatIp, parseIp } from "../../api/config-keys/ip.ts";

export type Protocol = "tcp" | "udp" | "unix";

export interface ProxyAddress {
  readonly protocol: Protocol;
  /** An IP address, nothing for all of the host's, a path, or `@` and a name. */
  readonly address: string;
  /** In the order in which they were given; none for unix. */
  readonly ports: readonly number[];
}

/** Says what is wrong with an address. */
export class AddressError extends Error {
  override readonly name = "AddressError";
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw new AddressError(`"${text}" is no port (1 to 65535)`);
  return port;
}

function parsePorts(text: string): number[] {
  const ports = text.split(",").flatMap((item) => {
    const [first = "", last, ...rest] = item.split("-");
    const [from, to] = [parsePort(first), parsePort(last ?? first)];
    if (rest.length > 0 || to < from) throw new AddressError(`"${item}" is no range of ports (FIRST-LAST)`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  if (new Set(ports).size < ports.length) throw new AddressError(`a port stands twice in "${text}"`);
  return ports;
}

function parseUnix(address: string): ProxyAddress {
  const abstract = address.startsWith("@");
  if (address.includes("\0")) throw new AddressError("it may not hold NUL");
  if (abstract ? address.length < 2 : !/^\/.*[^/]$/.test(address) || /\/\.\.?$/.test(address)) {
    throw new AddressError(`"${address}" is neither an absolute path nor @NAME`);
  }
  if (Buffer.byteLength(address) > (abstract ? 108 : 107)) throw new AddressError("a unix socket's path has at most 107 bytes");
  return { protocol: "unix", address, ports: [] };
}

/** Throws AddressError. Host names are refused: what they mean could change under the administrator's hands. */
export function parseAddress(text: string): ProxyAddress {
  const [, protocol = "", rest = ""] = /^([^:]*):?(.*)$/s.exec(text) ?? [];
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "unix") throw new AddressError(`Unknown protocol type "${protocol.slice(0, 40)}" (tcp, udp or unix)`);
  if (rest === "") throw new AddressError("Missing address");
  if (protocol === "unix") return parseUnix(rest);
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):([\d,-]+)$/.exec(rest);
  if (!match) throw new AddressError(`expected ${protocol}:ADDRESS:PORT, IPv6 addresses in brackets, not "${text.slice(0, 80)}"`);
  const given = match[1] ?? match[2] ?? "";
  const ip = given === "" ? undefined : parseIp(given);
  if (given !== "" && !ip) throw new AddressError(`"${given}" is no IP address${given.includes(":") ? "" : ", and names are not looked up"}`);
  return { protocol, address: ip ? formatIp(ip) : "", ports: parsePorts(match[3] ?? "") };
}

/** 4 or 6; of an address that is left out, 6, which serves both. */
export const familyOf = ({ address }: ProxyAddress): 4 | 6 => (address === "" || address.includes(":") ? 6 : 4);

/** Whether all addresses of a family, or of both, are meant. */
export const isWildcard = ({ address }: ProxyAddress): boolean => ["", "0.0.0.0", "::"].includes(address);

/** As a user writes it, with one port of it or with its ports. */
export function formatAddress({ protocol, address, ports }: ProxyAddress, port?: number): string {
  if (protocol === "unix") return `unix:${address}`;
  const shown = port === undefined ? formatPorts(ports) : String(port);
  return `${protocol}:${address.includes(":") ? `[${address}]` : address}:${shown}`;
}

/** Ports that follow each other, as [first, last]. */
export function portRanges(ports: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const port of ports) {
    const last = ranges.at(-1);
    if (last && last[1] + 1 === port) last[1] = port;
    else ranges.push([port, port]);
  }
  return ranges;
}

export function formatPorts(ports: readonly number[]): string {
  return portRanges(ports).map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

/** Whether both could not listen at the same time in one network namespace. */
export function clash(a: ProxyAddress, b: ProxyAddress): boolean {
  if (a.protocol !== b.protocol) return false;
  if (a.protocol === "unix") return a.address === b.address;
  const [wildA, wildB] = [isWildcard(a), isWildcard(b)];
  const both = (wildA && familyOf(a) === 6) || (wildB && familyOf(b) === 6);
  if (!both && (familyOf(a) !== familyOf(b) || (!wildA && !wildB && a.address !== b.address))) return false;
  const ports = new Set(a.ports);
  return b.ports.some((port) => ports.has(port));
}
