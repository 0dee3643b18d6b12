// The data sockets of an exec: binary frames are bytes, a text frame of any content is the end.
import type { WebSocketClient } from "../transport/websocket.ts";

/** Above that many unwritten bytes the socket is not read from. */
const highWater = 1024 * 1024;

/** Takes bytes, in one or several parts; resolves when they are written. */
export type Sink = (...parts: Uint8Array[]) => Promise<void>;

/** Writes what comes; resolves when it has ended and all is written. What comes while something is written goes together. */
export function receiveInto(socket: WebSocketClient, write: Sink): Promise<void> {
  let waiting: Buffer[] = [];
  let size = 0;
  let written = Promise.resolve();
  const writeWaiting = async () => {
    const parts = waiting;
    waiting = [];
    size = 0;
    if (socket.isPaused) socket.resume();
    await write(...parts);
  };
  return new Promise((resolve, reject) => {
    const finish = () => written.then(resolve, reject);
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (!isBinary) {
        finish();
        socket.close(); // LXD ends a pty only when we have hung up, too
        return;
      }
      waiting.push(data);
      size += data.length;
      if (size > highWater) socket.pause();
      if (waiting.length > 1) return; // it goes with the first
      written = written.then(writeWaiting);
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
