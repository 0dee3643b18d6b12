// SFTP over a connection of berthd's: the upgrade, and the ssh2 package's client on it.
import type { Socket } from "node:net";
import type { SFTPWrapper } from "ssh2";
// @ts-expect-error: no types for what lies inside the package
import { SFTP } from "ssh2/lib/protocol/SFTP.js";
import { BerthError, isErrorCode } from "../../server/api/errors.ts";
import { CliError } from "../errors.ts";
import { type Dialer, openConnection } from "../transport/dialer.ts";
import { BrokenConnection } from "../transport/http.ts";
import { version } from "../version.ts";

/** Opens the raw SFTP stream of an instance. `path` is the endpoint's, with its query. Throws what the server answers. */
export async function openStream(dialer: Dialer, path: string): Promise<Socket> {
  const socket = await openConnection(dialer);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${dialer.host}\r\nUser-Agent: berth/${version}\r\nConnection: Upgrade\r\nUpgrade: sftp\r\n\r\n`);
  const answer = await new Promise<string>((resolve, reject) => {
    let text = "";
    const read = (data: Buffer) => {
      text += data.toString("latin1");
      if (!text.includes("\r\n\r\n")) return;
      socket.off("data", read).pause(); // the server speaks when it is spoken to
      resolve(text);
    };
    socket.on("data", read);
    socket.once("error", (error) => reject(dialer.explain(error)));
    socket.once("close", () => reject(new BrokenConnection()));
  });
  if (/^HTTP\/1\.1 101 /.test(answer)) return socket;
  socket.destroy();
  throw refusal(answer);
}

function refusal(answer: string): Error {
  const header = (name: string) => new RegExp(`^${name}: (.*)\r$`, "im").exec(answer)?.[1];
  const message = /"error":"((?:[^"\\]|\\.)*)"/.exec(answer)?.[1] ?? answer.split("\r\n")[0] ?? "";
  const code = header("berth-error-code");
  const hint = header("berth-error-hint");
  return isErrorCode(code) ? new BerthError(code, {}, { message, ...(hint ? { hint } : {}) }) : new CliError(message);
}

/** An SFTP client on an instance's files. Its methods take a callback; all of them can be called without waiting for the last. */
export async function openSftp(dialer: Dialer, path: string): Promise<{ sftp: SFTPWrapper; close(): void }> {
  const socket = await openStream(dialer, path);
  const channel = { id: 0, state: "open", window: Number.POSITIVE_INFINITY, packetSize: Number.POSITIVE_INFINITY };
  const protocol = { _remoteIdentRaw: "SSH-2.0-OpenSSH_9.0", channelData: (_id: number, data: Buffer) => socket.write(data), channelClose: () => socket.destroy() };
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
