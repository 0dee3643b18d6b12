// The user at the other end of a unix socket.
import type { Socket } from "node:net";
import koffi from "koffi";

const getsockopt = koffi.load("libc.so.6").func("int getsockopt(int fd, int level, int name, void *value, void *length)");

/** The user id the kernel recorded when the peer connected; undefined when it cannot be told. */
export function peerUid(socket: Socket): number | undefined {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) return undefined;
  const SOL_SOCKET = 1;
  const SO_PEERCRED = 17;
  const credentials = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(12, 0);
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) === 0 ? credentials.readUInt32LE(4) : undefined;
}
