// Listening sockets, opened on the side that they belong to.
import { closeSync } from "node:fs";
import { hasCode } from "../../../host/libc.ts";
import {
  allowAnyAddress, allowReuse, bindSocket, ipSocketAddress, listenOn, makeSocket, serveBothFamilies, unixSocketAddress,
} from "../../../host/sockets.ts";
import { familyOf, formatAddress, isWildcard, type ProxyAddress } from "../address.ts";
import type { ForwarderFault, ProxySpec } from "../spec.ts";
import type { Side } from "./guest.ts";
import { bindPath, type FileIdentity } from "./unix-path.ts";

export interface Listening {
  readonly fd: number;
  /** Its place among the ports. */
  readonly index: number;
  /** An IPv6 socket. */
  readonly six: boolean;
  /** Where it has a file. */
  readonly file?: FileIdentity;
}

/** One of the addresses could not be listened on. */
export class ListenError extends Error implements ForwarderFault {
  override readonly name = "ListenError";
  readonly code: string;
  readonly address: string;
  constructor(address: string, cause: unknown) {
    super((cause as Error).message, { cause });
    this.code = String((cause as { code?: unknown }).code ?? "");
    this.address = address;
  }
}

const backlog = 4096;
const AF_UNIX = 1;

function bindIp(side: Side, listen: ProxyAddress, port: number): Omit<Listening, "index"> {
  const address = listen.address === "" ? "::" : listen.address;
  const where = ipSocketAddress(address, port);
  const fd = makeSocket(where.family, listen.protocol === "udp" ? "datagram" : "stream");
  try {
    if (listen.protocol === "tcp") allowReuse(fd);
    if (isWildcard(listen) && familyOf(listen) === 6) serveBothFamilies(fd);
    if (side.guest) allowAnyAddress(fd, where.family); // its cards come up later
    bindSocket(fd, where);
    if (listen.protocol === "tcp") listenOn(fd, backlog);
    return { fd, six: address.includes(":") };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Where there is no IPv6, all addresses are those of IPv4. */
function bindAny(side: Side, listen: ProxyAddress, port: number): Omit<Listening, "index"> {
  try {
    return bindIp(side, listen, port);
  } catch (error) {
    if (listen.address !== "" || !hasCode(error, "EAFNOSUPPORT", "EADDRNOTAVAIL")) throw error;
    return bindIp(side, { ...listen, address: "0.0.0.0" }, port);
  }
}

function listenUnix(side: Side, { listen, owner }: ProxySpec): Listening {
  const fd = side.inNetwork(() => makeSocket(AF_UNIX, "stream"));
  try {
    if (listen.address.startsWith("@")) {
      bindSocket(fd, unixSocketAddress(listen.address));
      listenOn(fd, backlog);
      return { fd, index: 0, six: false };
    }
    const file = bindPath(side, fd, listen.address, owner);
    listenOn(fd, backlog);
    return { fd, index: 0, six: false, file };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Opens all that a proxy listens on, or nothing. Throws ListenError. */
export function openListeners(side: Side, spec: ProxySpec): Listening[] {
  const open: Listening[] = [];
  const { listen } = spec;
  const ports = listen.protocol === "unix" ? [0] : listen.ports;
  for (const [index, port] of ports.entries()) {
    try {
      open.push(listen.protocol === "unix" ? listenUnix(side, spec) : { ...side.inNetwork(() => bindAny(side, listen, port)), index });
    } catch (error) {
      for (const { fd } of open) closeSync(fd);
      throw new ListenError(formatAddress(listen, port), error);
    }
  }
  return open;
}
