// Telling guests of changes to their configuration and devices, over a websocket or as lines of JSON.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { GuestChange } from "./changes.ts";
import { GuestError } from "./replies.ts";

/** How much may wait for a guest that does not read, in bytes; it is dropped then. */
const backlogLimit = 256 * 1024;

const types = ["config", "device"] as const;

interface Listener {
  types: ReadonlySet<string>;
  send(text: string): void;
  end(): void;
}

export class GuestEvents {
  readonly #listeners = new Map<number, Set<Listener>>();
  readonly #websockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 4096 });

  /** Tells an instance's guest. */
  tell(id: number, changes: readonly GuestChange[]): void {
    const listeners = this.#listeners.get(id);
    if (!listeners) return;
    for (const { type, metadata } of changes) {
      const text = JSON.stringify({ timestamp: new Date().toISOString(), type, metadata });
      for (const listener of listeners) {
        if (listener.types.has(type)) listener.send(text);
      }
    }
  }

  /** Nobody listens for this instance any more. */
  drop(id: number): void {
    for (const listener of this.#listeners.get(id) ?? []) listener.end();
    this.#listeners.delete(id);
  }

  /** Answers with a line for each event, without end. */
  stream(id: number, query: URLSearchParams, request: IncomingMessage, response: ServerResponse): void {
    const wanted = wantedTypes(query);
    request.socket.setTimeout(0);
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const stop = this.#add(id, {
      types: wanted,
      send: (text) => {
        if (response.writableLength > backlogLimit) response.destroy();
        else response.write(`${text}\n`);
      },
      end: () => response.destroy(),
    });
    response.once("close", stop);
  }

  connect(id: number, query: URLSearchParams, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const wanted = wantedTypes(query);
    request.socket.setTimeout(0);
    this.#websockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on("error", () => ws.terminate());
      const stop = this.#add(id, {
        types: wanted,
        send: (text) => {
          if (ws.bufferedAmount > backlogLimit) ws.terminate();
          else ws.send(text);
        },
        end: () => ws.terminate(),
      });
      ws.once("close", stop);
    });
  }

  #add(id: number, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }
}

function wantedTypes(query: URLSearchParams): ReadonlySet<string> {
  const wanted = (query.get("type") || types.join(",")).split(",");
  if (wanted.some((type) => !types.includes(type as (typeof types)[number]))) throw new GuestError(400, `there are events of type ${types.join(" and ")}`);
  return new Set(wanted);
}
