// SFTP over a connection of berthd's: the upgrade, and the ssh2 package's client on it.
import type { Socket } from "node:net";
import type { SFTPWrapper } from "ssh2";
// @ts-expect-error: no types for what lies inside the package
import { SFTP } from "ssh2/lib/protocol/SFTP.js";
import type { Dialer } from "../transport/dialer.ts";
import { BrokenConnection } from "../transport/http.ts";
import { upgrade } from "../transport/upgrade.ts";

/** Opens the raw SFTP stream of an instance. `path` is the endpoint's, with its query. Throws what the server answers. */
export async function openStream(dialer: Dialer, path: string): Promise<Socket> {
  return (await upgrade(dialer, path, "sftp")).socket; // the server speaks when it is spoken to
}

/** Requests that are made in one turn go in one call. */
function writeTogether(socket: Socket, data: Buffer): boolean {
  if (socket.writableCorked === 0) {
    socket.cork();
    setImmediate(() => socket.uncork());
  }
  return socket.write(data);
}

/** An SFTP client on an instance's files. Its methods take a callback; all of them can be called without waiting for the last. */
export async function openSftp(dialer: Dialer, path: string): Promise<{ sftp: SFTPWrapper; close(): void }> {
  const socket = await openStream(dialer, path);
  const channel = { id: 0, state: "open", window: Number.POSITIVE_INFINITY, packetSize: Number.POSITIVE_INFINITY };
  const protocol = { _remoteIdentRaw: "SSH-2.0-OpenSSH_9.0", channelData: (_id: number, data: Buffer) => writeTogether(socket, data), channelClose: () => socket.destroy() };
  const sftp = new SFTP({ _protocol: protocol }, { type: "session", incoming: { ...channel }, outgoing: { ...channel } }, {});
  socket.on("data", (data) => sftp.push(data));
  socket.once("close", () => sftp.push(null)); // whatever waits for an answer fails
  socket.resume();
  await new Promise<void>((resolve, reject) => {
    sftp.once("ready", resolve);
    sftp.once("error", reject);
    sftp.once("end", () => reject(new BrokenConnection()));
    sftp._init();
  });
  return { sftp: sftp as SFTPWrapper, close: () => socket.destroy() };
}
