// Carrying bytes between a websocket and a pipe or pty, as fast as the slower of the two takes them.
import { Socket, type SocketConstructorOpts } from "node:net";
import type { WebSocket } from "ws";
import { pollReadable } from "../../host/libc.ts";

/** Bytes that may wait in a websocket before its source is paused. */
const highWater = 1024 * 1024;

/** What one read takes at most, and how many such pieces are on their way at once. */
const pieceSize = 512 * 1024;
const mostPieces = 4;

/** LXD's client takes each frame as a whole, and is fastest with frames of this size. */
const frameSize = 32 * 1024;

/** From the guest to the client: binary frames. */
export abstract class Outbound {
  /** Resolves when the source has ended, or `drain` has. */
  readonly done: Promise<void>;
  protected readonly ws: WebSocket;
  protected isHeld = false;
  readonly #fd: number;
  #source: Socket | undefined;
  #finish: () => void = () => {};

  constructor(fd: number, ws: WebSocket) {
    this.#fd = fd;
    this.ws = ws;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  protected follow(source: Socket): void {
    this.#source = source;
    source.once("close", () => this.#finish());
    source.once("end", () => this.#finish());
    source.on("error", () => this.#finish()); // a pty whose other end is closed reads as EIO
    this.ws.once("close", () => source.resume()); // nobody reads: let the program go on
  }

  protected get isOpen(): boolean {
    return this.ws.readyState === this.ws.OPEN;
  }

  /** The program has ended: what it wrote is still sent, what others may write later is not waited for. */
  async drain(): Promise<void> {
    let over = false;
    void this.done.then(() => {
      over = true;
    });
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      if (over || !this.#source || this.#source.destroyed) break;
      if (this.isHeld) await new Promise((resolve) => setTimeout(resolve, 2));
      else if (this.#source.readableLength === 0 && pollReadable([this.#fd]).length === 0) break;
    }
    this.#finish();
  }

  /** Tells the client that there is no more. */
  finishFrame(): void {
    if (this.isOpen) this.ws.send("");
  }

  destroy(): void {
    this.#source?.destroy();
  }
}

/** The output of a terminal. */
export class TerminalOutput extends Outbound {
  constructor(terminal: Socket, fd: number, ws: WebSocket) {
    super(fd, ws);
    this.follow(terminal);
    terminal.on("data", (chunk: Buffer) => {
      if (!this.isOpen) return;
      this.isHeld = ws.bufferedAmount >= highWater;
      if (this.isHeld) terminal.pause();
      ws.send(chunk, { binary: true }, () => {
        if (!this.isHeld || ws.bufferedAmount >= highWater / 2) return;
        this.isHeld = false;
        terminal.resume();
      });
    });
  }
}

/** The output of a pipe: read in large pieces, into memory that is used again and again. */
export class PipeOutput extends Outbound {
  readonly #free: Buffer[] = [];
  #made = 0;

  constructor(fd: number, ws: WebSocket) {
    super(fd, ws);
    const pipe = new Socket({
      fd, readable: true, writable: false,
      onread: { buffer: () => this.#take(), callback: (count: number, buffer: Uint8Array) => this.#send(pipe, buffer as Buffer, count) },
    } as SocketConstructorOpts);
    this.follow(pipe);
    pipe.resume();
  }

  #take(): Buffer {
    const free = this.#free.pop();
    if (free) return free;
    this.#made += 1;
    return Buffer.allocUnsafeSlow(this.#made === 1 ? pieceSize / 8 : pieceSize); // most programs write little
  }

  /** False stops reading until a piece has been sent. */
  #send(pipe: Socket, buffer: Buffer, count: number): boolean {
    if (!this.isOpen) {
      this.#free.push(buffer);
      return true;
    }
    let at = 0;
    for (; at + frameSize < count; at += frameSize) this.ws.send(buffer.subarray(at, at + frameSize), { binary: true });
    this.ws.send(buffer.subarray(at, count), { binary: true }, () => {
      this.#free.push(buffer);
      if (!this.isHeld) return;
      this.isHeld = false;
      pipe.resume();
    });
    // The next read is given a piece in any case, also one that waits.
    this.isHeld = this.#free.length + mostPieces - this.#made <= 1;
    return !this.isHeld;
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
