// SFTP's packets, by the ssh2 package: its class speaks through an SSH connection, of which it needs only what stands here.
import type { Duplex } from "node:stream";
import type { Attributes } from "./files.ts";
// @ts-expect-error: no types for what lies inside the package
import { SFTP } from "ssh2/lib/protocol/SFTP.js";

export interface SftpServer {
  on(request: string, handler: (id: number, ...args: unknown[]) => void): void;
  handle(id: number, handle: Buffer): unknown;
  status(id: number, code: number, message?: string): unknown;
  data(id: number, data: Buffer): unknown;
  name(id: number, names: { filename: string; longname: string; attrs: Attributes }[]): unknown;
  attrs(id: number, attributes: Attributes): unknown;
}

/** What may wait for a slow reader, in bytes, before no more is read from it. */
const mostWaiting = 4 * 1024 * 1024;

function string(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

/** The answer to INIT: version 3, with extensions of OpenSSH's (the package announces none). */
function versionPacket(): Buffer {
  const VERSION = 2;
  const extensions = { "posix-rename@openssh.com": "1", "hardlink@openssh.com": "1", "fsync@openssh.com": "1", "lsetstat@openssh.com": "1" };
  const body = Buffer.concat([Buffer.from([VERSION, 0, 0, 0, 3]), ...Object.entries(extensions).flatMap(([name, version]) => [string(name), string(version)])]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** Answers that are given without a pause go in one call, up to so many: nobody waits long for the first. */
const mostTogether = 16;

function sendTogether(connection: Duplex): (data: Buffer) => void {
  let held = 0;
  return (data) => {
    if (held === 0) {
      connection.cork();
      process.nextTick(() => {
        held = 0;
        connection.uncork();
      });
    }
    connection.write(data);
    held += 1;
    if (held % mostTogether !== 0) return;
    connection.uncork();
    connection.cork();
  };
}

/** Speaks SFTP on a connection, as a server. A broken packet ends the connection. */
export function makeServer(connection: Duplex): SftpServer {
  const channel = { id: 0, state: "open", window: Number.POSITIVE_INFINITY, packetSize: Number.POSITIVE_INFINITY };
  let isGreeted = false;
  const send = sendTogether(connection);
  const protocol = {
    // As OpenSSH's clients: packets of up to 256 KiB, and the order of SYMLINK's arguments.
    _remoteIdentRaw: "SSH-2.0-OpenSSH_9.0",
    channelData: (_id: number, data: Buffer) => {
      send(isGreeted ? data : versionPacket());
      isGreeted = true;
      if (connection.writableLength > mostWaiting) connection.pause();
    },
    channelClose: () => connection.destroy(),
  };
  const sftp = new SFTP({ _protocol: protocol }, { type: "session", incoming: { ...channel }, outgoing: { ...channel } }, { server: true });
  sftp.on("error", () => connection.destroy());
  connection.on("data", (data: Buffer) => sftp.push(data));
  connection.on("drain", () => connection.resume());
  connection.on("error", () => connection.destroy());
  connection.on("end", () => connection.end());
  return sftp as SftpServer;
}
