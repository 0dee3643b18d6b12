// Websockets to a server. The library is loaded when the first one is opened.
import type { WebSocket } from "ws";
import { CliError, messageOf } from "../errors.ts";
import { type Dialer, openConnection } from "./dialer.ts";

/**
 * Opens a websocket. `setUp` gets it before anything can arrive: it attaches the handlers.
 * Throws when the server refuses.
 */
export async function openWebsocket(dialer: Dialer, path: string, setUp: (socket: WebSocket) => void = () => {}): Promise<WebSocket> {
  const [{ WebSocket }, connection] = await Promise.all([import("ws"), openConnection(dialer)]);
  const socket = new WebSocket(`ws://${dialer.host}${path}`, { perMessageDeflate: false, maxPayload: 0, createConnection: () => connection });
  socket.binaryType = "nodebuffer";
  setUp(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.on("error", (error) => {
      const explained = dialer.explain(error);
      reject(explained === error ? new CliError(`The server refused a websocket: ${messageOf(error)}`, { cause: error }) : explained);
    });
  });
  return socket;
}
