// Websockets over berthd's unix socket. The library is loaded when the first one is opened.
import type { WebSocket } from "ws";
import { CliError, messageOf } from "../errors.ts";
import { explainConnectError } from "./connect-error.ts";

/**
 * Opens a websocket. `setUp` gets it before anything can arrive: it attaches the handlers.
 * Throws when the server refuses.
 */
export async function openWebsocket(socketPath: string, path: string, setUp: (socket: WebSocket) => void = () => {}): Promise<WebSocket> {
  const { WebSocket } = await import("ws");
  const socket = new WebSocket(`ws+unix://${socketPath}:${path}`, { perMessageDeflate: false, maxPayload: 0 });
  socket.binaryType = "nodebuffer";
  setUp(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.on("error", (error) => {
      const explained = explainConnectError(error, socketPath);
      reject(explained === error ? new CliError(`The server refused a websocket: ${messageOf(error)}`, { cause: error }) : explained);
    });
  });
  return socket;
}
