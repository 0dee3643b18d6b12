// Sockets made by system calls, so that they can be made in the network namespace of a guest and with its users' ids.
// All calls are synchronous; the sockets do not block.
import type { Socket } from "node:net";
import { constants } from "node:os";
import ipaddr from "ipaddr.js";
import koffi from "koffi";
import { SysError } from "./libc.ts";

const libc = koffi.load("libc.so.6");
const raw = {
  socket: libc.func("int socket(int domain, int type, int protocol)"),
  socketpair: libc.func("int socketpair(int domain, int type, int protocol, void *pair)"),
  setsockopt: libc.func("int setsockopt(int fd, int level, int name, const void *value, int length)"),
  bind: libc.func("int bind(int fd, const void *address, int length)"),
  listen: libc.func("int listen(int fd, int backlog)"),
  connect: libc.func("int connect(int fd, const void *address, int length)"),
  shutdown: libc.func("int shutdown(int fd, int how)"),
  fcntl: libc.func("fcntl", "int", ["int", "int", "long"]),
};

const AF = { unix: 1, inet: 2, inet6: 10 } as const;
const SOCK = { stream: 1, datagram: 2, nonblock: 0o4000, cloexec: 0o2000000 } as const;

function check(syscall: string, result: number): number {
  if (result < 0) throw new SysError(syscall, koffi.errno(), "");
  return result;
}

/** An address as the kernel takes it. */
export interface SocketAddress {
  readonly family: number;
  readonly bytes: Buffer;
}

/** An IPv4 or IPv6 address with its port. */
export function ipSocketAddress(address: string, port: number): SocketAddress {
  const octets = ipaddr.parse(address).toByteArray();
  const four = octets.length === 4;
  const bytes = Buffer.alloc(four ? 16 : 28);
  bytes.writeUInt16LE(four ? AF.inet : AF.inet6, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(octets, four ? 4 : 8);
  return { family: four ? AF.inet : AF.inet6, bytes };
}

/** The path of a unix socket; with `@` first, a name of the network namespace. Throws ENAMETOOLONG. */
export function unixSocketAddress(path: string): SocketAddress {
  const name = path.startsWith("@") ? Buffer.from(`\0${path.slice(1)}`) : Buffer.from(`${path}\0`);
  if (name.length > 108) throw new SysError("bind", constants.errno.ENAMETOOLONG, path);
  return { family: AF.unix, bytes: Buffer.concat([Buffer.from([AF.unix, 0]), name]) };
}

/** A socket in the calling thread's network namespace. */
export function makeSocket(family: number, kind: "stream" | "datagram"): number {
  return check("socket", raw.socket(family, SOCK[kind] | SOCK.nonblock | SOCK.cloexec, 0));
}

/** Two ends of one connection within this machine. */
export function makeSocketPair(): [number, number] {
  const pair = Buffer.alloc(8);
  check("socketpair", raw.socketpair(AF.unix, SOCK.stream | SOCK.cloexec, 0, pair));
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}

function setOption(fd: number, level: number, name: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  check("setsockopt", raw.setsockopt(fd, level, name, bytes, 4));
}

const SOL = { socket: 1, ip: 0, tcp: 6, ipv6: 41 } as const;

/** Lets a port be listened on while connections of an earlier listener are still being closed. */
export const allowReuse = (fd: number): void => setOption(fd, SOL.socket, 2 /* SO_REUSEADDR */, 1);

/** Lets an IPv6 socket serve IPv4 as well. */
export const serveBothFamilies = (fd: number): void => setOption(fd, SOL.ipv6, 26 /* IPV6_V6ONLY */, 0);

/** Lets an address be bound before an interface has it. */
export function allowAnyAddress(fd: number, family: number): void {
  if (family === AF.inet) setOption(fd, SOL.ip, 15 /* IP_FREEBIND */, 1);
  else setOption(fd, SOL.ipv6, 78 /* IPV6_FREEBIND */, 1);
}

/** Ends a TCP connection when what was sent stays unacknowledged for so many milliseconds. Nothing where the socket is another's. */
export function limitUnacknowledged(socket: Socket, milliseconds: number): void {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
  if (fd >= 0 && socket.remotePort !== undefined) setOption(fd, SOL.tcp, 18 /* TCP_USER_TIMEOUT */, milliseconds);
}

export function bindSocket(fd: number, { bytes }: SocketAddress): void {
  check("bind", raw.bind(fd, bytes, bytes.length));
}

export function listenOn(fd: number, backlog: number): void {
  check("listen", raw.listen(fd, backlog));
}

/** Connects a unix socket. Throws EAGAIN when the other side has too many waiting. */
export function connectUnix(fd: number, { bytes }: SocketAddress): void {
  check("connect", raw.connect(fd, bytes, bytes.length));
}

/** Tells the other side that nothing more will come. */
export function endWriting(fd: number): void {
  const SHUT_WR = 1;
  raw.shutdown(fd, SHUT_WR); // it may be gone
}

/** Another descriptor of the same socket. */
export function duplicate(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return check("fcntl", raw.fcntl(fd, F_DUPFD_CLOEXEC, 3));
}
