// Carrying bytes between a websocket and a pipe or pty, as fast as the slower of the two takes them.
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { pollReadable } from "../../host/libc.ts";

/** Bytes that may wait in a websocket before its source is paused. */
const highWater = 1024 * 1024;

/** From the guest to the client: binary frames. Resolves when the source has ended, or `end` was called. */
export class Outbound {
  readonly done: Promise<void>;
  readonly #source: Socket;
  readonly #fd: number;
  readonly #ws: WebSocket;
  #finish: () => void = () => {};

  constructor(source: Socket, fd: number, ws: WebSocket) {
    this.#source = source;
    this.#fd = fd;
    this.#ws = ws;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    source.on("data", (chunk: Buffer) => this.#send(chunk));
    source.once("close", () => this.#finish());
    source.once("end", () => this.#finish());
    source.on("error", () => this.#finish()); // a pty whose other end is closed reads as EIO
    ws.once("close", () => source.resume()); // nobody reads: let the program go on
  }

  #send(chunk: Buffer): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    this.#ws.send(chunk, { binary: true }, () => {
      if (this.#source.isPaused() && this.#ws.bufferedAmount < highWater / 2) this.#source.resume();
    });
    if (this.#ws.bufferedAmount >= highWater) this.#source.pause();
  }

  /** The program has ended: what it wrote is still sent, what others may write later is not waited for. */
  async drain(): Promise<void> {
    let over = false;
    void this.done.then(() => {
      over = true;
    });
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      if (over || this.#source.destroyed) break;
      if (this.#source.isPaused()) await new Promise((resolve) => setTimeout(resolve, 2));
      else if (this.#source.readableLength === 0 && pollReadable([this.#fd]).length === 0) break;
    }
    this.#finish();
  }

  /** Tells the client that there is no more. */
  finishFrame(): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send("");
  }
}

/** From the client to the guest: binary frames are bytes, any text frame is the end. */
export function carryInbound(ws: WebSocket, target: Socket, closeAtEnd: boolean): void {
  target.on("error", () => {}); // the program reads no more
  target.on("drain", () => ws.resume());
  ws.on("message", (data: Buffer, isBinary: boolean) => {
    if (!isBinary) {
      if (closeAtEnd) target.end();
      return;
    }
    if (!target.destroyed && target.writable && !target.write(data)) ws.pause();
  });
  ws.once("close", () => {
    if (closeAtEnd) target.end();
  });
  ws.resume();
}
