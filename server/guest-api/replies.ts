// What guests are answered: text or JSON without an envelope, as LXD sends it.
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import type { RawReply } from "../http/replies.ts";

/** What a guest is refused. */
export class GuestError extends Error {
  override readonly name = "GuestError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function textReply(text: string): RawReply {
  return { headers: { "content-type": "application/octet-stream" }, body: Buffer.from(text) };
}

export function jsonReply(value: unknown): RawReply {
  return { headers: { "content-type": "application/json" }, body: Buffer.from(`${JSON.stringify(value)}\n`) };
}

export function errorReply({ status, message }: GuestError): RawReply {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" }, body: Buffer.from(`${message}\n`) };
}

/** Sends a reply; `keep` false ends the connection after it. */
export function sendReply(response: ServerResponse, { status = 200, headers, body }: RawReply, keep: boolean): void {
  response.writeHead(status, { ...headers, ...(Buffer.isBuffer(body) ? { "content-length": body.length } : {}), ...(keep ? {} : { connection: "close" }) });
  if (Buffer.isBuffer(body)) response.end(body);
  else pipeline(body, response, () => {}); // a guest that went away needs no more of it
}
