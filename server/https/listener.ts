// The network side of the API: HTTPS on the address of a configuration key, which may change while it serves.
import { createServer, type Server } from "node:https";
import type { IncomingMessage, RequestListener } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { joinAddress, type ListenAddress, parseListenAddress } from "../api/config-keys/listen-address.ts";
import { fail } from "../api/errors.ts";
import { hasCode } from "../host/libc.ts";
import { explain, log } from "../log.ts";
import type { ServerCertificate } from "./certificate.ts";
import { ownAddresses } from "./own-addresses.ts";
import { takeProxyHeader } from "./proxy-header.ts";

export interface Serving {
  handler: RequestListener;
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Told of each connection, with the address of who opened it, before its first request. */
  connected: (socket: TLSSocket, address: string) => void;
  /** Addresses of proxies that say whom a connection comes from. */
  trustedProxies: () => readonly string[];
}

/** So many connections at once cost little; more are turned away. */
const mostConnections = 4096;
/** In ms. */
const retryEvery = 10_000;
/** How long a request may still take when the daemon ends, in ms. */
const lingerFor = 1000;

export class HttpsListener {
  readonly certificate: ServerCertificate;
  readonly #defaultPort: number;
  #serving: Serving | undefined;
  #retry: NodeJS.Timeout | undefined;
  readonly #sockets = new Set<Duplex>();
  readonly #upgraded = new Set<Duplex>();
  /** Whom proxies said that a connection comes from, by where it comes from. */
  readonly #told = new Map<string, string>();
  #server: Server | undefined;
  #address: ListenAddress | undefined;

  constructor(certificate: ServerCertificate, defaultPort: number) {
    this.certificate = certificate;
    this.#defaultPort = defaultPort;
  }

  /** Begins to serve. An address that the machine does not have yet is tried again: a network may come up later. */
  async start(serving: Serving, address: string): Promise<void> {
    this.#serving = serving;
    await this.listen(address).catch((error) => {
      log.error("the API cannot be served over the network yet", { error: explain(error) });
      this.#retry = setTimeout(() => void this.start(serving, address), retryEvery).unref();
    });
  }

  /** Where clients can reach it: addresses of this machine, each with the port. */
  addresses(): string[] {
    if (!this.#address) return [];
    const { host, port } = this.#address;
    if (host !== "" && host !== "0.0.0.0" && host !== "::") return [joinAddress(host, port)];
    return ownAddresses(host === "0.0.0.0" ? "inet" : undefined).map((address) => joinAddress(address, port));
  }

  /** The same for a token, which needs one: a machine without a network can still be its own client. */
  addressesForToken(): string[] {
    const known = this.addresses();
    return known.length > 0 || !this.#address ? known : [joinAddress("127.0.0.1", this.#address.port)];
  }

  /**
   * Moves to another address; an empty one: listens no more. The new one is opened before the old one is closed, so that
   * an address that cannot be had changes nothing. Throws `listen_failed`. Requests that are being answered go on.
   */
  async listen(text: string): Promise<void> {
    clearTimeout(this.#retry);
    const address = text === "" ? undefined : parseListenAddress(text, this.#defaultPort);
    if (text !== "" && !address) throw fail("listen_failed", { address: text, reason: "it is no address with a port", hint: "" });
    if (address?.host === this.#address?.host && address?.port === this.#address?.port) return;
    const old = { server: this.#server, address: this.#address };
    if (address && old.server && address.port === old.address?.port) await this.#exchange(address, old.server, old.address);
    else this.#server = address && (await this.#open(address));
    this.#address = address;
    if (old.server?.listening) retire(old.server);
  }

  /** The old address may be in the way of the new one (`:8443`, then `10.0.0.1:8443`): then it is given up first, and taken again when that fails. */
  async #exchange(address: ListenAddress, old: Server, before: ListenAddress): Promise<void> {
    try {
      this.#server = await this.#open(address);
    } catch (first) {
      if (!hasCode((first as Error).cause, "EADDRINUSE")) throw first;
      retire(old);
      this.#server = await this.#open(address).catch(async (error) => {
        this.#server = await this.#open(before);
        throw error;
      });
    }
  }

  #open(address: ListenAddress): Promise<Server> {
    const serving = this.#serving;
    if (!serving) throw new Error("it has not been started");
    const { certificate: cert, key, authority } = this.certificate;
    const old = ["BERTH_INSECURE_TLS", "LXD_INSECURE_TLS"].some((name) => /^(true|1|yes|on)$/i.test(process.env[name] ?? ""));
    const server = createServer({
      cert, key, ...authority, requestCert: true, rejectUnauthorized: false, minVersion: old ? "TLSv1.2" : "TLSv1.3", ALPNProtocols: ["http/1.1"],
      handshakeTimeout: 10_000, headersTimeout: 10_000, keepAliveTimeout: 60_000, connectionsCheckingInterval: 2000,
      requestTimeout: 0, // an image's upload takes as long as it takes; bodies have limits of their own
    }, serving.handler);
    server.maxConnections = mostConnections;
    server.on("upgrade", (request, socket: Duplex, head) => {
      remember(this.#upgraded, socket);
      serving.upgrade(request, socket, head);
    });
    this.#readProxyHeaders(server, serving);
    server.on("connection", (socket: Socket) => {
      socket.setKeepAlive(true, 60_000); // who is gone without a word is noticed
      remember(this.#sockets, socket);
    });
    server.on("secureConnection", (socket: TLSSocket) => this.#welcome(serving, socket));
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    return new Promise((resolve, reject) => {
      server.once("error", (error) => reject(fail("listen_failed", { address: joinAddress(address.host, address.port), reason: error.message, hint: hintFor(error) }, error)));
      server.listen({ ...(address.host === "" ? {} : { host: address.host }), port: address.port, backlog: 1024 }, () => {
        server.removeAllListeners("error");
        resolve(server);
      });
    });
  }

  #welcome({ connected }: Serving, socket: TLSSocket): void {
    socket.on("error", () => socket.destroy());
    const own = joinAddress(hostOf(socket), socket.remotePort ?? 0);
    connected(socket, this.#told.get(keyOf(socket)) ?? own);
  }

  /** What a trusted proxy sends first is taken before TLS sees the connection. */
  #readProxyHeaders(server: Server, { trustedProxies }: Serving): void {
    const accept = server.listeners("connection") as ((this: Server, socket: Socket) => void)[];
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => {
      const go = () => {
        for (const one of accept) one.call(server, socket);
      };
      const proxies = trustedProxies();
      if (proxies.length === 0 || !proxies.includes(hostOf(socket))) return go();
      socket.on("error", () => socket.destroy());
      takeProxyHeader(socket).then((address) => {
        const key = keyOf(socket);
        if (address) this.#told.set(key, address);
        socket.once("close", () => this.#told.delete(key));
        go();
      }, () => socket.destroy());
    });
  }

  /** Ends it: websockets at once, requests that are being answered after a moment. */
  async close(): Promise<void> {
    clearTimeout(this.#retry);
    const server = this.#server;
    const closed = server && new Promise<void>((resolve) => server.close(() => resolve()));
    server?.closeIdleConnections();
    for (const socket of this.#upgraded) socket.destroy();
    const endAll = () => {
      for (const socket of this.#sockets) socket.destroy();
    };
    const lingering = setTimeout(endAll, lingerFor);
    await closed;
    clearTimeout(lingering);
    endAll(); // of addresses it has left
  }
}

function remember(all: Set<Duplex>, socket: Duplex): void {
  all.add(socket);
  socket.once("close", () => all.delete(socket));
}

/** The address a connection comes from; IPv4 as itself where one socket serves both. */
const hostOf = ({ remoteAddress = "" }: Socket) => remoteAddress.replace(/^::ffff:(?=\d+\.)/, "");
const keyOf = (socket: Socket) => [socket.remoteAddress, socket.remotePort, socket.localAddress, socket.localPort].join(" ");

/** Takes no more connections; those that are idle end, the others when they have got their answers. */
function retire(server: Server): void {
  server.close();
  server.closeIdleConnections();
}

function hintFor(error: Error): string {
  if (hasCode(error, "EADDRINUSE")) return "Another program listens there: choose another port, or end it (ss -ltnp).";
  if (hasCode(error, "EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN")) return "It must be an address of this machine (ip address).";
  return "";
}
