// Connections to the target of a proxy, made on the target's side.
import { createSocket, type Socket as Datagrams } from "node:dgram";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { asUser } from "../../../host/as-user.ts";
import { connectUnix, ipSocketAddress, makeSocket, unixSocketAddress } from "../../../host/sockets.ts";
import type { ProxySpec } from "../spec.ts";
import type { Side } from "./guest.ts";

const AF_UNIX = 1;

/** Address and port of the target of a port's connections; one target may serve all. */
export function targetOf({ connect }: ProxySpec, index: number): { host: string; port: number } {
  return { host: connect.address || "127.0.0.1", port: connect.ports[connect.ports.length > 1 ? index : 0] ?? 0 };
}

/** A descriptor connected to the target's unix socket. Throws ENOENT, ECONNREFUSED, EACCES, EAGAIN. */
export function connectToPath(side: Side, { connect: { address }, user }: ProxySpec): number {
  const fd = side.inNetwork(() => makeSocket(AF_UNIX, "stream"));
  try {
    if (address.startsWith("@")) asUser(user, () => connectUnix(fd, unixSocketAddress(address)));
    else side.withPath(address, 0, user, (through) => connectUnix(fd, unixSocketAddress(through)));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A stream that is being connected to the target; it tells of "connect", or of an "error". */
export function connectStream(side: Side, spec: ProxySpec, index: number): Socket {
  if (spec.connect.protocol === "unix") {
    const socket = new Socket({ fd: connectToPath(side, spec), allowHalfOpen: true });
    setImmediate(() => socket.destroyed || socket.emit("connect"));
    return socket;
  }
  const target = targetOf(spec, index);
  const { family } = ipSocketAddress(target.host, target.port);
  const fd = side.inNetwork(() => asUser(spec.user, () => makeSocket(family, "stream")));
  const socket = new Socket({ fd, allowHalfOpen: true });
  socket.connect({ ...target, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
  return socket;
}

/** No name is ever looked up. */
const lookup = (host: string, _options: unknown, done: (error: null, address: string, family: number) => void) => done(null, host, host.includes(":") ? 6 : 4);

/** A datagram socket that is being connected to the target; it tells of "connect", or of an "error". */
export function connectDatagrams(side: Side, spec: ProxySpec, index: number): Datagrams {
  const target = targetOf(spec, index);
  const { family } = ipSocketAddress(target.host, target.port);
  const fd = side.inNetwork(() => asUser(spec.user, () => makeSocket(family, "datagram")));
  const socket = openDatagrams(fd, target.host.includes(":"));
  socket.connect(target.port, target.host);
  return socket;
}

/** Node's view of a datagram socket. */
export function openDatagrams(fd: number, six: boolean): Datagrams {
  const socket = createSocket({ type: six ? "udp6" : "udp4", lookup: lookup as never });
  socket.bind({ fd });
  return socket;
}
