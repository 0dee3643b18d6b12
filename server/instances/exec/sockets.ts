// The websockets of an exec: one secret each, and a wait until those that are needed have come.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { fail } from "../../api/errors.ts";
import { acceptWebSocket } from "../../http/websockets.ts";
import { makeSecret } from "../../operations/operation.ts";

/** How long a client may take to connect, in ms. */
const connectTimeout = 10_000;

export class ExecSockets {
  /** Name of the stream → its secret. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly #unused: Map<string, string>;
  readonly #connected = new Map<string, WebSocket>();
  readonly #required: readonly string[];
  readonly #pings: boolean;
  readonly #ready: Promise<void>;
  #allHere: () => void = () => {};

  /** `pings`: whether a client that answers none is given up. */
  constructor(names: readonly string[], required: readonly string[], pings = true) {
    this.#pings = pings;
    this.secrets = Object.fromEntries(names.map((name) => [name, makeSecret()]));
    this.#unused = new Map(Object.entries(this.secrets).map(([name, secret]) => [secret, name]));
    this.#required = required;
    this.#ready = new Promise((resolve) => {
      this.#allHere = resolve;
    });
  }

  /** Takes a websocket in. Throws `forbidden` for a wrong secret, or one that was used. */
  connect(request: IncomingMessage, socket: Duplex, head: Buffer, secret: string): void {
    const name = this.#unused.get(secret);
    if (name === undefined) throw fail("forbidden");
    this.#unused.delete(secret);
    acceptWebSocket(request, socket, head, (ws) => {
      ws.pause(); // nothing is lost before somebody listens
      this.#connected.set(name, ws);
      this.#onConnect.get(name)?.(ws);
      if (this.#required.every((one) => this.#connected.has(one))) this.#allHere();
    }, this.#pings);
  }

  readonly #onConnect = new Map<string, (ws: WebSocket) => void>();

  /** Calls back with a websocket now, or when it comes. */
  whenConnected(name: string, use: (ws: WebSocket) => void): void {
    const ws = this.#connected.get(name);
    if (ws) use(ws);
    else this.#onConnect.set(name, use);
  }

  /** Throws `websocket_timeout` when one that is needed does not come. */
  async ready(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(fail("websocket_timeout")), connectTimeout);
    });
    try {
      await Promise.race([this.#ready, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  get(name: string): WebSocket | undefined {
    return this.#connected.get(name);
  }

  /** Closes all with an empty close frame. */
  closeAll(): void {
    for (const ws of this.#connected.values()) {
      ws.resume();
      ws.close();
    }
  }
}
