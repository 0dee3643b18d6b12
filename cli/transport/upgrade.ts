// A connection that is turned into something else than HTTP: websockets, SFTP.
import type { Socket } from "node:net";
import { errorFrom } from "../../server/api/client.ts";
import type { Envelope } from "../../server/api/envelope.ts";
import { CliError } from "../errors.ts";
import { version } from "../version.ts";
import { type Dialer, openConnection } from "./dialer.ts";
import { BrokenConnection } from "./http.ts";

const longestAnswer = 1024 * 1024;

export interface Upgraded {
  /** Paused, with no handlers on it. */
  socket: Socket;
  /** What has come after the answer. */
  rest: Buffer;
}

/** Asks for the upgrade to a protocol. Throws what the server answers instead. */
export async function upgrade(dialer: Dialer, path: string, protocol: string, headers: Readonly<Record<string, string>> = {}): Promise<Upgraded> {
  const socket = await openConnection(dialer);
  let isConnected = !socket.connecting;
  socket.once("connect", () => (isConnected = true));
  const lines = [`GET ${path} HTTP/1.1`, `Host: ${dialer.host}`, `User-Agent: berth/${version}`, "Connection: Upgrade", `Upgrade: ${protocol}`];
  for (const [name, value] of Object.entries({ ...headers, ...dialer.headers })) lines.push(`${name}: ${value}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  try {
    const { head, rest } = await readAnswer(socket);
    if (!/^HTTP\/1\.1 101 /.test(head)) throw refusal(head, rest);
    return { socket, rest };
  } catch (error) {
    socket.destroy();
    const failed = !isConnected || (error as NodeJS.ErrnoException).syscall === "connect"; // Bun's sockets never say that they connect
    throw failed ? dialer.explain(error) : error;
  }
}

/** The head of an answer, and what has come of the rest: all of it when it is a refusal. */
function readAnswer(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const settle = (finish: () => void) => {
      socket.off("data", onData).off("error", reject).off("close", onClose).pause();
      finish();
    };
    const onData = (data: Buffer) => {
      received = received.length === 0 ? data : Buffer.concat([received, data]);
      const end = received.indexOf("\r\n\r\n");
      if (end < 0 && received.length < longestAnswer) return;
      const head = received.toString("latin1", 0, Math.max(0, end));
      const rest = received.subarray(end + 4);
      const length = /^HTTP\/1\.1 101 /.test(head) ? 0 : Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      if (rest.length >= Math.min(length, longestAnswer)) settle(() => resolve({ head, rest }));
    };
    const onClose = () => reject(new BrokenConnection());
    socket.on("data", onData).once("error", reject).once("close", onClose);
  });
}

function refusal(head: string, body: Buffer): Error {
  const headers = Object.fromEntries(head.split("\r\n").slice(1).map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
  try {
    return errorFrom(JSON.parse(body.toString("utf8")) as Envelope, headers);
  } catch {
    return new CliError(`The server refused the connection: ${head.split("\r\n")[0]}`);
  }
}
