// A client of another server's API, for what servers do among themselves: fetching images, moving instances.
import { type IncomingMessage, request as httpRequest } from "node:http";
import type { Readable } from "node:stream";
import { WebSocket } from "ws";
import type { Envelope } from "../api/envelope.ts";
import { fail } from "../api/errors.ts";
import { connectTls, type ServerAddress } from "./connect.ts";

export interface RequestOptions {
  method?: string;
  headers?: Record<string, string>;
  /** JSON when it is a plain value. */
  body?: Readable | Buffer | object;
  signal?: AbortSignal;
  /** Ends a request during which nothing came for so long, in milliseconds. */
  idleTimeout?: number;
}

/** Within TLS nobody is on the way whom a mask would keep from taking websockets for something else; it would cost as much as the encryption. */
const noMask = (mask: Buffer) => void mask.fill(0);

export class ServerClient {
  readonly address: ServerAddress;
  constructor(address: ServerAddress) {
    if (!/^https:\/\//.test(address.url)) throw fail("bad_request", { reason: `"${address.url}" is no https:// URL of a server` });
    this.address = { ...address, url: address.url.replace(/\/+$/, "") };
  }

  /** Sends a request and resolves with its head, whatever the status. `path`: on the wire, with its query. */
  async open(path: string, { method = "GET", headers = {}, body, signal, idleTimeout = 60_000 }: RequestOptions = {}): Promise<IncomingMessage> {
    const socket = await connectTls(this.address);
    const { host } = new URL(this.address.url);
    const isStream = body !== undefined && !Buffer.isBuffer(body) && "pipe" in body;
    const bytes = body === undefined || isStream ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const lost = (error: Error) => reject(fail("remote_unreachable", { url: this.address.url, reason: error.message }, error));
      const request = httpRequest({
        method, path, createConnection: () => socket, signal, timeout: idleTimeout,
        headers: { host, connection: "close", ...(bytes ? { "content-length": String(bytes.length), "content-type": "application/json" } : {}), ...headers },
      }, (response) => {
        response.on("error", lost);
        resolve(response);
      });
      request.on("timeout", () => request.destroy(new Error(`nothing came for ${idleTimeout / 1000} s`)));
      request.on("error", lost);
      if (isStream) (body as Readable).on("error", (error) => request.destroy(error)).pipe(request);
      else request.end(bytes);
    });
  }

  /** The metadata of an envelope. Throws `remote_refused` with the sentence of the other server. */
  async call<T>(path: string, options?: RequestOptions): Promise<T> {
    const response = await this.open(path, options);
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    let envelope: Envelope;
    try {
      envelope = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    } catch (cause) {
      throw fail("remote_refused", { url: this.address.url, reason: `status ${response.statusCode}, and no JSON` }, cause);
    }
    if (envelope.type === "error") throw fail("remote_refused", { url: this.address.url, reason: envelope.error });
    return envelope.metadata as T;
  }

  /** Opens a websocket, `operations/ID/websocket?secret=…` say. It is paused, so that nothing is lost before somebody listens. */
  async websocket(path: string): Promise<WebSocket> {
    const socket = await connectTls(this.address);
    const ws = new WebSocket(`${this.address.url.replace(/^http/, "ws")}${path}`, { createConnection: () => socket, perMessageDeflate: false, maxPayload: 64 * 1024 * 1024, generateMask: noMask, handshakeTimeout: 10_000 });
    await new Promise<void>((resolve, reject) => {
      ws.once("open", () => {
        ws.pause();
        resolve();
      });
      ws.once("error", (error) => reject(fail("remote_unreachable", { url: this.address.url, reason: error.message }, error)));
    });
    return ws;
  }
}
