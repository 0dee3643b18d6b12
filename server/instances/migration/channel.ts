// The two websockets of a move: messages on one, and streams of bytes on the other, each ended by an empty text frame, as LXD has it.
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { fail } from "../../api/errors.ts";

/** How much may wait on either side, in bytes. */
const backlog = 4 * 1024 * 1024;

const lost = () => fail("migration_failed", { reason: "the connection to the other server was lost" });

/** `undefined` ends a stream. */
type Frame = Buffer | undefined;

export class Channel {
  readonly #ws: WebSocket;
  #frames: Frame[] = [];
  #waiting = 0;
  #closed = false;
  #wake: () => void = () => {};

  /** `ws` is paused until now. */
  constructor(ws: WebSocket) {
    this.#ws = ws;
    // LXD answers pings only while it reads: a server that is gone is noticed by TCP.
    (ws as unknown as { _socket?: Socket })._socket?.setKeepAlive?.(true, 10_000);
    ws.on("message", (data: Buffer, isBinary: boolean) => {
      this.#frames.push(isBinary ? data : undefined);
      this.#waiting += data.length;
      if (this.#waiting > backlog) ws.pause();
      this.#wake();
    });
    const end = () => {
      this.#closed = true;
      this.#wake();
    };
    ws.on("close", end);
    ws.on("error", end);
    if (ws.readyState !== ws.OPEN) end();
    ws.resume();
  }

  async #next(): Promise<Frame> {
    while (this.#frames.length === 0) {
      if (this.#closed) throw lost();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const frame = this.#frames.shift();
    this.#waiting -= frame?.length ?? 0;
    if (this.#waiting < backlog && !this.#closed) this.#ws.resume();
    return frame;
  }

  /** One binary message. Throws `migration_failed`. */
  async receive(): Promise<Buffer> {
    const frame = await this.#next();
    if (frame === undefined) throw fail("migration_failed", { reason: "the other server sent text where a message was expected" });
    return frame;
  }

  /** The bytes of one stream. */
  async *stream(): AsyncGenerator<Buffer> {
    for (let frame = await this.#next(); frame !== undefined; frame = await this.#next()) yield frame;
  }

  /** The text of one stream. */
  async readText(limit: number): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.stream()) {
      size += chunk.length;
      if (size > limit) throw fail("migration_failed", { reason: `the other server sent more than ${limit} bytes about the instance` });
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  async send(bytes: Buffer): Promise<void> {
    if (this.#closed) throw lost();
    const sent = new Promise<void>((resolve, reject) => this.#ws.send(bytes, (error) => (error ? reject(lost()) : resolve())));
    sent.catch(() => {});
    if (this.#ws.bufferedAmount > backlog) await sent;
  }

  /** Ends a stream. */
  endStream(): void {
    if (!this.#closed) this.#ws.send("");
  }

  close(): void {
    this.#ws.close(1000);
    setTimeout(() => this.#ws.terminate(), 2000).unref();
  }

  /** At once: what is on its way is lost. */
  terminate(): void {
    this.#ws.terminate();
  }
}

/** Both, of one move. */
export interface Channels {
  control: Channel;
  fs: Channel;
}
