// Requests as SocketTransport makes them, in the native client: over a unix socket by Bun's own means, since its node:net takes longer
// to load than all that a short command does. The build puts it in the place of transport/socket.ts.
import type { TransportRequest, TransportResponse } from "../../server/api/client.ts";
import { version } from "../version.ts";
import type { Dialer } from "../transport/dialer.ts";
import { renderHead, ResponseReader } from "../transport/http.ts";
import { SocketResponse, SocketTransport as NodeTransport } from "../transport/socket.ts";
import { UnixDialer } from "../transport/unix.ts";

interface BunSocket {
  /** How much of it was taken. */
  write(data: Uint8Array): number;
  pause(): void;
  resume(): void;
  terminate(): void;
}

interface Handlers {
  open(socket: BunSocket): void;
  drain(socket: BunSocket): void;
  data(socket: BunSocket, data: Uint8Array): void;
  close(): void;
  error(socket: BunSocket, error: Error): void;
  connectError(socket: BunSocket, error: Error): void;
}

declare const Bun: { connect(options: { unix: string; socket: Handlers }): Promise<BunSocket> };

/** Above that many bytes that nobody has taken yet nothing more is read. */
const highWater = 1 << 20;

/** A connection that sends one text, and what comes back. */
class Exchange implements AsyncIterable<Uint8Array> {
  #socket: BunSocket | undefined;
  #unsent: Uint8Array;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #wake = () => {};

  constructor(text: string) {
    this.#unsent = Buffer.from(text);
  }

  async open(path: string): Promise<void> {
    const send = (socket: BunSocket) => {
      this.#unsent = this.#unsent.subarray(Math.max(0, socket.write(this.#unsent)));
    };
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    const data = (socket: BunSocket, chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#size += chunk.length;
      if (this.#size > highWater) socket.pause();
      this.#wake();
    };
    this.#socket = await Bun.connect({ unix: path, socket: { open: send, drain: send, data, close: end, error: end, connectError: () => {} } });
  }

  destroy(): void {
    this.#socket?.terminate();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#size -= chunk.length;
        if (this.#chunks.length === 0) this.#socket?.resume();
        yield chunk;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

export class SocketTransport extends NodeTransport {
  readonly #unix: UnixDialer | undefined;

  constructor(dialer: Dialer) {
    super(dialer);
    this.#unix = dialer instanceof UnixDialer ? dialer : undefined;
  }

  override async request(request: TransportRequest): Promise<TransportResponse> {
    if (this.#unix === undefined || typeof request.body === "object") return super.request(request);
    const exchange = new Exchange(renderHead(request, this.#unix.host, `berth/${version}`) + (request.body ?? ""));
    try {
      await exchange.open(this.#unix.socketPath);
    } catch (error) {
      throw this.#unix.explain(error);
    }
    try {
      const reader = new ResponseReader(exchange);
      const answer = await reader.readHead();
      return new SocketResponse(answer.status, answer.headers, reader.readBody(answer, request.method), exchange);
    } catch (error) {
      exchange.destroy();
      throw error;
    }
  }
}
