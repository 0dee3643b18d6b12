// One proxy that is served: its listening sockets, and the connections that came through them.
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Epoll, READABLE } from "../../../host/epoll.ts";
import { hasCode } from "../../../host/libc.ts";
import { duplicate } from "../../../host/sockets.ts";
import type { ProxySpec } from "../spec.ts";
import { connectDatagrams, connectStream, connectToPath } from "./connect.ts";
import { relayToDatagrams, serveDatagrams } from "./datagrams.ts";
import { relayDescriptors } from "./descriptors.ts";
import { Guest, Side } from "./guest.ts";
import { endsOf, renderProxyHeader } from "./header.ts";
import { type Listening, openListeners } from "./listen.ts";
import { relay, tie } from "./streams.ts";
import { removePath } from "./unix-path.ts";

export class ServedProxy {
  readonly spec: ProxySpec;
  readonly #epoll: Epoll;
  readonly #guest: Guest;
  readonly #listenSide: Side;
  readonly #connectSide: Side;
  readonly #listening: readonly Listening[];
  readonly #stops: (() => void)[] = [];
  readonly #connections = new Set<() => void>();
  readonly #warn: (message: string) => void;
  #guestWatch: number;

  /** Listens from now on. Throws ListenError, and ESRCH when the guest has ended. */
  constructor(spec: ProxySpec, epoll: Epoll, warn: (message: string) => void) {
    this.spec = spec;
    this.#epoll = epoll;
    this.#warn = (message) => warn(`${spec.key}: ${message}`);
    this.#guest = new Guest(spec.init);
    const [host, guest] = [new Side(undefined), new Side(this.#guest)];
    [this.#listenSide, this.#connectSide] = spec.bind === "host" ? [host, guest] : [guest, host];
    try {
      this.#listening = openListeners(this.#listenSide, spec);
    } catch (error) {
      this.#guest.close();
      throw error;
    }
    for (const listening of this.#listening) this.#stops.push(this.#serve(listening));
    this.#guestWatch = epoll.add(this.#guest.pidfd, READABLE, () => this.#guestEnded());
  }

  #serve(listening: Listening): () => void {
    const { fd, index } = listening;
    if (this.spec.listen.protocol === "udp") return serveDatagrams(listening, this.#connectSide, this.spec, (error) => this.#warn(error.message));
    const server: Server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
    server.on("connection", (client) => void this.#accept(client, index));
    server.on("error", (error) => this.#warn(error.message));
    server.listen({ fd });
    return () => server.close();
  }

  async #accept(client: Socket, index: number): Promise<void> {
    client.on("error", () => {});
    try {
      const both = this.spec.listen.protocol === "unix" && this.spec.connect.protocol === "unix";
      if (both) await this.#joinPaths(client);
      else if (this.spec.connect.protocol === "udp") this.#joinDatagrams(client, index);
      else this.#joinStreams(client, index);
    } catch (error) {
      client.destroy();
      this.#warn(`cannot connect: ${(error as Error).message}`);
    }
  }

  /** Remembers how a connection is ended from here, until it has ended by itself. */
  #keep(client: Socket, end: () => void): void {
    this.#connections.add(end);
    client.once("close", () => this.#connections.delete(end));
  }

  #joinStreams(client: Socket, index: number): void {
    const { proxyProtocol } = this.spec;
    const header = proxyProtocol ? renderProxyHeader(endsOf(client)) : undefined;
    const target = connectStream(this.#connectSide, this.spec, index);
    tie(client, target);
    this.#keep(client, () => {
      client.destroy();
      target.destroy();
    });
    target.once("error", (error) => this.#warn(`cannot connect: ${error.message}`));
    target.once("connect", () => {
      target.removeAllListeners("error").on("error", () => client.destroy());
      if (header) target.write(header);
      relay(client, target);
      client.resume();
    });
  }

  #joinDatagrams(client: Socket, index: number): void {
    relayToDatagrams(client, connectDatagrams(this.#connectSide, this.spec, index));
    this.#keep(client, () => client.destroy());
    client.resume();
  }

  /** Both are taken from Node, which loses descriptors that are passed. */
  async #joinPaths(client: Socket): Promise<void> {
    const handle = (client as unknown as { _handle: { fd: number } })._handle;
    const target = await this.#connectPatiently(client);
    if (target === undefined) return;
    const own = duplicate(handle.fd);
    client.destroy();
    const end = relayDescriptors(this.#epoll, own, target, () => this.#connections.delete(end));
    this.#connections.add(end);
  }

  /** A server that is slow to accept has its clients wait. */
  async #connectPatiently(client: Socket): Promise<number | undefined> {
    for (let tries = 0; !client.destroyed; tries++) {
      try {
        return connectToPath(this.#connectSide, this.spec);
      } catch (error) {
        if (tries > 100 || !hasCode(error, "EAGAIN")) throw error;
        await sleep(20);
      }
    }
    return undefined;
  }

  /** Nothing may keep the network of a guest that has ended; a host's port stays taken until the daemon has heard of it. */
  #guestEnded(): void {
    this.#epoll.remove(this.#guestWatch);
    for (const end of [...this.#connections]) end();
    if (this.#listenSide.guest) this.#stopListening();
  }

  #stopListening(): void {
    for (const stop of this.#stops.splice(0)) stop();
    for (const { file } of this.#listening) if (file) removePath(this.#listenSide, this.spec.listen.address, file, this.spec.owner);
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Ends it and all that came through it. */
  close(): void {
    this.#epoll.remove(this.#guestWatch);
    this.#stopListening();
    for (const end of [...this.#connections]) end();
    this.#guest.close();
  }
}
