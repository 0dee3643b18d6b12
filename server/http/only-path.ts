// A listener that serves one path of the API, and is silent about the others.
import type { IncomingMessage, RequestListener } from "node:http";
import type { Duplex } from "node:stream";
import { errorEnvelope } from "../api/envelope.ts";
import { fail } from "../api/errors.ts";
import { refuseUpgrade } from "./app.ts";

export function onlyPath(path: string, handler: RequestListener): { handler: RequestListener; upgrade: (request: IncomingMessage, socket: Duplex) => void } {
  return {
    handler: (request, response) => {
      if (request.url?.split("?")[0] === path) return handler(request, response);
      const { status, message } = fail("not_found");
      response.writeHead(status, { "content-type": "application/json", connection: "close" }).end(`${JSON.stringify(errorEnvelope(status, message))}\n\n`);
    },
    upgrade: (_request, socket) => refuseUpgrade(socket, fail("not_found")),
  };
}
