// The sockets that guests see as /dev/lxd/sock: one for each instance, in a folder of its own. Which guest calls follows
// from the socket, not from a process id, which may be another's by the time it is looked at.
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { explain, log } from "../log.ts";
import type { Paths } from "../paths.ts";

/** Connections an instance may hold at once; more are closed at once. */
const connectionLimit = 32;
/** New connections in a second that are still no attack. */
const connectionRate = 500;
/** How long the socket of a guest that attacks stays closed, in ms. */
const closedFor = 2000;

const limits = { maxHeaderSize: 16 * 1024, headersTimeout: 10_000, requestTimeout: 10_000, keepAliveTimeout: 30_000, connectionsCheckingInterval: 10_000 };
/** A connection on which nothing moves is closed after this, in ms. */
const idleTimeout = 60_000;

export interface GuestHandlers {
  request(id: number, request: IncomingMessage, response: ServerResponse): void;
  upgrade(id: number, request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Its socket is closed for good. */
  closed(id: number): void;
}

interface Door {
  server: Server;
  reopening?: NodeJS.Timeout;
}

export class GuestSockets {
  readonly #paths: Paths;
  readonly #handlers: GuestHandlers;
  readonly #doors = new Map<number, Door>();

  constructor(paths: Paths, handlers: GuestHandlers) {
    this.#paths = paths;
    this.#handlers = handlers;
  }

  /** Serves an instance, by its id; before it starts, and when a daemon finds it running. Idempotent. */
  async open(id: number): Promise<void> {
    if (this.#doors.has(id)) return;
    const server = createServer(limits, (request, response) => this.#handlers.request(id, request, response));
    server.maxConnections = connectionLimit;
    server.timeout = idleTimeout;
    server.on("upgrade", (request, socket, head) => this.#handlers.upgrade(id, request, socket, head));
    server.on("clientError", (_error, socket) => socket.destroy());
    const door: Door = { server };
    this.#doors.set(id, door);
    let second = 0;
    let count = 0;
    const arrived = () => {
      const now = Math.floor(performance.now() / 1000);
      if (now !== second) [second, count] = [now, 0];
      if (++count === connectionRate) this.#closeForAWhile(id, door);
    };
    server.on("connection", arrived).on("drop", arrived);
    try {
      await listen(server, this.#paths.guestFolder(id));
    } catch (error) {
      this.#doors.delete(id);
      throw error;
    }
  }

  /** Ends service for an instance that has stopped. Idempotent. */
  close(id: number): void {
    this.#end(id);
    rmSync(this.#paths.guestFolder(id), { recursive: true, force: true });
  }

  /** Ends all service; the folders stay for guests that go on running. */
  closeAll(): void {
    for (const id of [...this.#doors.keys()]) this.#end(id);
  }

  /** Removes the folders of instances that are not served: of those that ended without a daemon. */
  clean(): void {
    if (!existsSync(this.#paths.guests)) return;
    for (const entry of readdirSync(this.#paths.guests)) {
      if (!this.#doors.has(Number(entry))) rmSync(`${this.#paths.guests}/${entry}`, { recursive: true, force: true });
    }
  }

  #end(id: number): void {
    const door = this.#doors.get(id);
    if (!door) return;
    this.#doors.delete(id);
    clearTimeout(door.reopening);
    door.server.close();
    door.server.closeAllConnections();
    this.#handlers.closed(id);
  }

  /** Accepting goes on until nobody waits any more, so a guest that connects without end would hold up all others. */
  #closeForAWhile(id: number, door: Door): void {
    log.warn("a guest floods its /dev/lxd: closed for a while", { instance: id });
    door.server.close();
    door.server.closeAllConnections();
    door.reopening = setTimeout(() => {
      listen(door.server, this.#paths.guestFolder(id)).catch((error) => log.error("a guest's /dev/lxd could not be opened again", { instance: id, error: explain(error) }));
    }, closedFor).unref();
  }
}

function listen(server: Server, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  rmSync(`${folder}/sock`, { force: true });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path: `${folder}/sock`, readableAll: true, writableAll: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
