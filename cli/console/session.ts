// One session on an instance's console, on our own terminal.
import { constants } from "node:os";
import { isatty } from "node:tty";
import { assertSucceeded } from "../../server/api/client.ts";
import type { ExecControl, InstanceConsolePost } from "../../server/api/instances.ts";
import type { Context, Target } from "../context.ts";
import { receiveInto } from "../exec/streams.ts";
import { Terminal } from "../exec/terminal.ts";
import { waitForEnd } from "../operation.ts";
import { writeAll } from "../output/write.ts";
import { DetachKey } from "./detach-key.ts";
import type { WebSocketClient } from "../transport/websocket.ts";

const ending = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const;

/** Shows a console until the user leaves it or the instance stops; resolves to our exit status. */
export async function attachConsole(ctx: Context, { server, name }: Target, post: InstanceConsolePost): Promise<number> {
  const [width, height] = isatty(1) ? process.stdout.getWindowSize() : [0, 0];
  const operation = await server.client.attachConsole({ name, body: { width, height, type: "console", ...post } });
  const ended = waitForEnd(server.client, operation.id);
  ended.catch(() => {});
  const fds = (operation.metadata?.["fds"] ?? {}) as Record<string, string>;
  const open = (fd: string, setUp?: (socket: WebSocketClient) => void) =>
    server.openWebsocket(server.client.path("connectOperation", { id: operation.id, secret: fds[fd] ?? "" }), setUp);

  const control = await open("control");
  let received: Promise<void> = Promise.resolve();
  const main = await open("0", (socket) => {
    received = receiveInto(socket, (...parts) => writeAll(1, ...parts));
    received.catch(() => {}); // awaited below
  });
  ctx.say("To detach from the console, press: <ctrl>+a q");
  const terminal = Terminal.claim(() => sendSize(control));
  let status = 0;
  const detach = () => control.close(1000, "Detaching from console");
  const onSignal = (signal: NodeJS.Signals) => {
    status = 128 + constants.signals[signal];
    detach();
  };
  for (const signal of ending) process.on(signal, onSignal);
  const stopTyping = sendTyped(main, detach);
  try {
    await received;
    assertSucceeded(await ended);
  } finally {
    stopTyping();
    terminal.release();
    for (const signal of ending) process.off(signal, onSignal);
    main.close();
    control.close();
  }
  ctx.say("");
  return status;
}

function sendSize(control: WebSocketClient): void {
  const [width, height] = process.stdout.getWindowSize();
  const message: ExecControl = { command: "window-resize", args: { width: String(width), height: String(height) } };
  control.send(JSON.stringify(message), () => {});
}

/** Sends what is typed. The end of input that is no terminal leaves the console, as nobody could press keys any more. */
function sendTyped(main: WebSocketClient, detach: () => void): () => void {
  const key = new DetachKey();
  let sent = Promise.resolve();
  const onData = (typed: Buffer) => {
    const { send, detach: leave } = key.take(typed);
    if (send.length > 0) sent = new Promise((resolve) => main.send(send, () => resolve()));
    if (leave) detach();
  };
  // Not before the last of it has left: the two sockets know no order between them.
  const onEnd = () => sent.then(detach);
  process.stdin.on("data", onData);
  process.stdin.once("end", onEnd);
  return () => {
    process.stdin.off("data", onData).off("end", onEnd).pause();
  };
}
