// The two websockets of a move: messages on one, and streams of bytes on the other, each ended by an empty text frame, as LXD has it.
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { fail } from "../../api/errors.ts";
import { limitUnacknowledged } from "../../host/sockets.ts";
import { PeerWatch } from "./watch.ts";

/** How much may wait on either side, in bytes. */
const backlog = 4 * 1024 * 1024;

/** Milliseconds after which the kernel gives up what the other side does not acknowledge; by itself it waits for a quarter of an hour. */
const unacknowledgedLimit = 45_000;

/** `undefined` ends a stream. */
type Frame = Buffer | undefined;

export class Channel {
  readonly #ws: WebSocket;
  #frames: Frame[] = [];
  #waiting = 0;
  #closed = false;
  #heard = false;
  #lostBy = "the connection to the other server was lost";
  #wake: () => void = () => {};

  /** `ws` is paused until now. */
  constructor(ws: WebSocket) {
    this.#ws = ws;
    const socket = (ws as unknown as { _socket?: Socket })._socket;
    socket?.setKeepAlive?.(true, 10_000);
    if (socket) limitUnacknowledged(socket, unacknowledgedLimit);
    ws.on("pong", () => {
      this.#heard = true;
    });
    ws.on("message", (data: Buffer, isBinary: boolean) => {
      this.#heard = true;
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

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether anything has come since this was last asked. */
  takeHeard(): boolean {
    const heard = this.#heard;
    this.#heard = false;
    return heard;
  }

  ping(): void {
    this.#ws.ping();
  }

  /** Ends it at once: whoever uses it is told why. */
  giveUp(reason: string): void {
    this.#lostBy = reason;
    this.#ws.terminate();
  }

  #lost(): Error {
    return fail("migration_failed", { reason: this.#lostBy });
  }

  async #next(): Promise<Frame> {
    while (this.#frames.length === 0) {
      if (this.#closed) throw this.#lost();
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
    if (this.#closed) throw this.#lost();
    const sent = new Promise<void>((resolve, reject) => this.#ws.send(bytes, (error) => (error ? reject(this.#lost()) : resolve())));
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
  watch: PeerWatch;
}

export function pairUp(control: Channel, fs: Channel): Channels {
  return { control, fs, watch: new PeerWatch([control, fs]) };
}
