// The file of a listening unix socket: made with its owner and mode from the first moment on, and taken away again.
import { closeSync, constants, lstatSync, type Stats, unlinkSync } from "node:fs";
import { constants as os } from "node:os";
import path from "node:path";
import { hasCode, SysError } from "../../../host/libc.ts";
import { bindSocket, connectUnix, makeSocket, unixSocketAddress } from "../../../host/sockets.ts";
import type { ProxySpec } from "../spec.ts";
import type { Side } from "./guest.ts";

const AF_UNIX = 1;

/** Which file a socket has, so that no other is removed in its place. */
export type FileIdentity = Pick<Stats, "dev" | "ino">;

function lookAt(file: string): Stats | undefined {
  return lstatSync(file, { throwIfNoEntry: false });
}

/** Whether somebody still listens on a socket that lies there. */
function isServed(file: string): boolean {
  const fd = makeSocket(AF_UNIX, "stream");
  try {
    connectUnix(fd, unixSocketAddress(file));
    return true;
  } catch (error) {
    return !hasCode(error, "ECONNREFUSED", "ENOENT");
  } finally {
    closeSync(fd);
  }
}

/** Removes a socket that nobody serves any more. Throws EADDRINUSE, or EEXIST for what is no socket. */
function makeRoom(file: string, shown: string): void {
  const found = lookAt(file);
  if (!found) return;
  if (!found.isSocket()) throw new SysError("bind", os.errno.EEXIST, shown);
  if (isServed(file)) throw new SysError("bind", os.errno.EADDRINUSE, shown);
  unlinkSync(file);
}

/** Binds a socket to a path of the side's. What it cannot do, the guest's root (or the host's) could not either. */
export function bindPath(side: Side, fd: number, file: string, { uid, gid, mode }: ProxySpec["owner"]): FileIdentity {
  return side.withPath(path.posix.dirname(file), constants.O_DIRECTORY, { uid, gid, privileged: true }, (folder) => {
    const through = `${folder}/${path.posix.basename(file)}`;
    makeRoom(through, file);
    const before = process.umask(~mode & 0o777);
    try {
      bindSocket(fd, unixSocketAddress(through));
    } finally {
      process.umask(before);
    }
    const { dev, ino } = lstatSync(through);
    return { dev, ino };
  });
}

/** Removes the file of a socket, if it is still that one. Never throws. */
export function removePath(side: Side, file: string, identity: FileIdentity, { uid, gid }: ProxySpec["owner"]): void {
  try {
    side.withPath(path.posix.dirname(file), constants.O_DIRECTORY, { uid, gid, privileged: true }, (folder) => {
      const through = `${folder}/${path.posix.basename(file)}`;
      const found = lookAt(through);
      if (found?.dev === identity.dev && found.ino === identity.ino) unlinkSync(through);
    });
  } catch {
    // its folder is gone, or the guest is
  }
}
