// Requests to a server, a connection each.
import type { Socket } from "node:net";
import type { Transport, TransportRequest, TransportResponse } from "../../server/api/client.ts";
import { version } from "../version.ts";
import { type Dialer, openConnection } from "./dialer.ts";
import { BrokenConnection, renderHead, ResponseReader } from "./http.ts";

export class SocketTransport implements Transport {
  readonly #dialer: Dialer;

  constructor(dialer: Dialer) {
    this.#dialer = dialer;
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const head = renderHead({ ...request, headers: { ...request.headers, ...this.#dialer.headers } }, this.#dialer.host, `berth/${version}`);
    const socket = await openConnection(this.#dialer);
    let isConnected = !socket.connecting;
    socket.once("connect", () => (isConnected = true));
    socket.on("error", () => {}); // it comes out of the iterator below
    try {
      socket.write(typeof request.body === "string" ? head + request.body : head);
      const reader = new ResponseReader(socket);
      const upload = typeof request.body === "object" ? startUpload(socket, request.body) : undefined;
      const answer = await Promise.race([reader.readHead(), ...(upload ? [upload.failed] : [])]);
      upload?.stop();
      return new SocketResponse(answer.status, answer.headers, reader.readBody(answer, request.method), socket);
    } catch (error) {
      socket.destroy();
      if (!isConnected) throw this.#dialer.explain(error);
      throw isReset(error) ? new BrokenConnection(error) : error;
    }
  }
}

function isReset(error: unknown): boolean {
  return ["ECONNRESET", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** What has to be closed when an answer was read, or is not read to its end. */
interface Connection {
  destroy(): unknown;
}

export class SocketResponse implements TransportResponse {
  readonly status: number;
  readonly headers: TransportResponse["headers"];
  readonly body: AsyncIterable<Uint8Array>;

  constructor(status: number, headers: TransportResponse["headers"], chunks: AsyncIterable<Uint8Array>, socket: Connection) {
    this.status = status;
    this.headers = headers;
    this.body = closing(chunks, socket);
  }

  async text(): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const part of this.body) parts.push(part);
    return Buffer.concat(parts).toString("utf8");
  }
}

async function* closing(chunks: AsyncIterable<Uint8Array>, socket: Connection): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } finally {
    socket.destroy();
  }
}

/**
 * Sends a body in chunks, no faster than the server takes it. A server that has seen enough may answer
 * early; that answer counts, so only an error of the source makes `failed` reject.
 */
function startUpload(socket: Socket, body: AsyncIterable<Uint8Array>): { failed: Promise<never>; stop(): void } {
  let stopped = false;
  const send = async () => {
    for await (const part of body) {
      if (stopped || socket.destroyed) return;
      if (part.length === 0) continue;
      socket.cork();
      socket.write(`${part.length.toString(16)}\r\n`);
      socket.write(part);
      const isFree = socket.write("\r\n");
      socket.uncork();
      if (!isFree) await drained(socket);
    }
    if (!stopped) socket.write("0\r\n\r\n");
  };
  return {
    failed: new Promise((_, reject) => send().catch(reject)),
    stop: () => {
      stopped = true;
    },
  };
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}
