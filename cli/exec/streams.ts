// The data sockets of an exec: binary frames are bytes, a text frame of any content is the end.
import type { WebSocketClient } from "../transport/websocket.ts";

/** Above that many unwritten bytes the socket is not read from. */
const highWater = 1024 * 1024;

export type Sink = (data: Uint8Array) => Promise<void>;

/** Writes what comes; resolves when it has ended and all is written. */
export function receiveInto(socket: WebSocketClient, write: Sink): Promise<void> {
  let waiting = 0;
  let written = Promise.resolve();
  return new Promise((resolve, reject) => {
    const finish = () => written.then(resolve, reject);
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (!isBinary) {
        finish();
        socket.close(); // LXD ends a pty only when we have hung up, too
        return;
      }
      waiting += data.length;
      if (waiting > highWater) socket.pause();
      written = written.then(() => write(data)).then(() => {
        waiting -= data.length;
        if (socket.isPaused && waiting <= highWater) socket.resume();
      });
      written.catch(reject);
    });
    socket.on("close", finish);
    socket.on("error", finish);
  });
}

/** Sends stdin, no faster than it is taken, and its end. Nothing is sent but the end without `useStdin`. */
export function sendInput(socket: WebSocketClient, useStdin: boolean): void {
  const send = async () => {
    if (useStdin) {
      for await (const chunk of process.stdin) await sendFrame(socket, chunk as Uint8Array);
    }
    await sendFrame(socket, "");
  };
  // The command may end before its input does: what is left of it is nobody's.
  send().catch(() => {});
}

function sendFrame(socket: WebSocketClient, frame: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => socket.send(frame, (error) => (error ? reject(error) : resolve())));
}
