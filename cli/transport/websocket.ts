// Websockets to a server, by the little of RFC 6455 that a client needs: loading the ws package takes as long as a whole list.
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { CliError } from "../errors.ts";
import type { Dialer } from "./dialer.ts";
import { upgrade } from "./upgrade.ts";

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const longestFrame = 64 * 1024 * 1024;

interface Events {
  message: [data: Buffer, isBinary: boolean];
  close: [];
  error: [error: Error];
}

/** How long the other side has to answer our wish to close. */
const closeTimeout = 2000;

export class WebSocketClient extends EventEmitter<Events> {
  readonly #socket: Socket;
  #received: Buffer[] = [];
  #length = 0;
  #parts: Buffer[] = [];
  #isBinary = false;
  #closing = false;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    this.on("error", () => {}); // "close" follows in any case
  }

  /** From now on frames are read; `first` has come already. */
  start(first: Buffer): void {
    this.#socket.on("data", (data: Buffer) => this.#take(data));
    this.#socket.on("error", (error) => this.emit("error", error));
    this.#socket.once("close", () => this.emit("close"));
    if (first.length > 0) this.#take(first);
    this.#socket.resume();
  }

  get isPaused(): boolean {
    return this.#socket.isPaused();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** A text is sent as a text frame, bytes as a binary one. `done` is called when the frame has left. */
  send(data: string | Uint8Array, done: (error?: Error | null) => void = () => {}): void {
    if (this.#closing || this.#socket.destroyed) return done(new Error("the websocket is closed"));
    this.#write(typeof data === "string" ? opcodes.text : opcodes.binary, typeof data === "string" ? Buffer.from(data) : data, done);
  }

  close(code?: number, reason = ""): void {
    if (this.#closing || this.#socket.destroyed) return;
    const payload = code === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
    this.#write(opcodes.close, payload);
    this.#closing = true;
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), closeTimeout).unref();
  }

  /** Ends it without a word. */
  terminate(): void {
    this.#socket.destroy();
  }

  #write(opcode: number, payload: Uint8Array, done?: (error?: Error | null) => void): void {
    this.#socket.cork();
    this.#socket.write(frameHead(opcode, payload.length));
    this.#socket.write(payload, done);
    this.#socket.uncork();
  }

  #take(data: Buffer): void {
    this.#received.push(data);
    this.#length += data.length;
    for (;;) {
      const frame = this.#nextFrame();
      if (frame === undefined) return;
      this.#handle(frame);
    }
  }

  /** The next whole frame; undefined while it has not come. */
  #nextFrame(): { opcode: number; isLast: boolean; payload: Buffer } | undefined {
    if (this.#length < 2) return undefined;
    const head = this.#peek(14);
    const short = (head[1] ?? 0) & 0x7f;
    const headLength = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (head.length < headLength) return undefined;
    const length = short === 126 ? head.readUInt16BE(2) : short === 127 ? Number(head.readBigUInt64BE(2)) : short;
    if (length > longestFrame) {
      this.#socket.destroy(new CliError("The server sent more at once than is taken"));
      return undefined;
    }
    if (this.#length < headLength + length) return undefined;
    const all = this.#received.length === 1 ? this.#received[0] ?? head : Buffer.concat(this.#received);
    const rest = all.subarray(headLength + length);
    this.#received = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    const first = head[0] ?? 0;
    return { opcode: first & 0x0f, isLast: (first & 0x80) !== 0, payload: all.subarray(headLength, headLength + length) };
  }

  #peek(count: number): Buffer {
    const [first] = this.#received;
    if (first && (first.length >= count || this.#received.length === 1)) return first.subarray(0, count);
    return Buffer.concat(this.#received, Math.min(count, this.#length));
  }

  #handle({ opcode, isLast, payload }: { opcode: number; isLast: boolean; payload: Buffer }): void {
    if (opcode === opcodes.ping) this.#write(opcodes.pong, payload);
    else if (opcode === opcodes.close) this.#answerClose();
    else if (opcode <= opcodes.binary) {
      if (opcode !== opcodes.continuation) this.#isBinary = opcode === opcodes.binary;
      this.#parts.push(payload);
      if (!isLast) return;
      const message = this.#parts.length === 1 ? payload : Buffer.concat(this.#parts);
      this.#parts = [];
      this.emit("message", message, this.#isBinary);
    }
  }

  #answerClose(): void {
    if (!this.#closing) this.#write(opcodes.close, Buffer.alloc(0));
    this.#closing = true;
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), closeTimeout).unref();
  }
}

/**
 * What goes before the bytes of a frame. A client has to mask what it sends, so that no proxy takes it for a request. Ours goes over
 * unix sockets and TLS, where none can read it: the mask is zero, which leaves the bytes as they are and spares both sides the work.
 */
function frameHead(opcode: number, length: number): Buffer {
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const head = Buffer.alloc(size + 4);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (size === 2 ? length : size === 4 ? 126 : 127);
  if (size === 4) head.writeUInt16BE(length, 2);
  if (size === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/**
 * Opens a websocket. `setUp` gets it before anything can arrive: it attaches the handlers.
 * Throws when the server refuses.
 */
export async function openWebsocket(dialer: Dialer, path: string, setUp: (socket: WebSocketClient) => void = () => {}): Promise<WebSocketClient> {
  const key = Buffer.from(Array.from({ length: 16 }, () => Math.floor(Math.random() * 256))).toString("base64");
  const { socket, rest } = await upgrade(dialer, path, "websocket", { "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key });
  const client = new WebSocketClient(socket);
  setUp(client);
  client.start(rest);
  return client;
}
