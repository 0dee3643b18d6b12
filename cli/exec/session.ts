// One exec: the sockets of its operation joined to our own input, output and signals.
import { assertSucceeded } from "../../server/api/client.ts";
import { statusCodes } from "../../server/api/envelope.ts";
import type { InstanceExecPost } from "../../server/api/instances.ts";
import type { Operation } from "../../server/api/operations.ts";
import type { Target } from "../context.ts";
import { CliError, hintOf, messageOf } from "../errors.ts";
import { waitForEnd } from "../operation.ts";
import { writeAll } from "../output/write.ts";
import type { Server } from "../remotes/server.ts";
import { ControlChannel } from "./control.ts";
import { receiveInto, sendInput } from "./streams.ts";
import { Terminal } from "./terminal.ts";
import type { WebSocketClient } from "../transport/websocket.ts";

/** How long the end of the operation is waited for after one of its sockets was refused. */
const patience = 3000;

export interface SessionOptions {
  useStdin: boolean;
  /** Where output goes that is not to go to our own. */
  write?: (fd: 1 | 2, ...parts: Uint8Array[]) => Promise<void>;
}

/** Runs a command in an instance; resolves to its exit status. The terminal is as before in any case. */
export async function runSession({ server, name }: Target, post: InstanceExecPost, options: SessionOptions): Promise<number> {
  const control = new ControlChannel(post.interactive ?? false);
  const terminal = post.interactive ? Terminal.claim(() => control.resize()) : undefined;
  try {
    const operation = await server.client.execInstance({ name, body: post });
    const ended = waitForEnd(server.client, operation.id);
    ended.catch(() => {});
    try {
      await connectStreams(server, operation, control, options);
    } catch (error) {
      // A command that cannot be run ends the operation, and with it the sockets: that tells more.
      const final = await Promise.race([ended.catch(() => undefined), delay(patience)]);
      if (!final || final.status_code < statusCodes.Failure) throw error;
    }
    return exitStatus(await ended);
  } finally {
    terminal?.release();
    control.close();
  }
}

/** Resolves when all output has come and was written. */
async function connectStreams(server: Server, operation: Operation, control: ControlChannel, { useStdin, write = writeAll }: SessionOptions): Promise<void> {
  const fds = (operation.metadata?.["fds"] ?? {}) as Record<string, string>;
  const open = (fd: string, setUp?: (socket: WebSocketClient) => void) =>
    server.openWebsocket(server.client.path("connectOperation", { id: operation.id, secret: fds[fd] ?? "" }), setUp);
  const outputs: Promise<void>[] = [];
  const receive = (target: 1 | 2) => (socket: WebSocketClient) => {
    const received = receiveInto(socket, (...parts) => write(target, ...parts));
    received.catch(() => {}); // awaited below
    outputs.push(received);
  };
  const isPty = fds["1"] === undefined;
  const [controlSocket, input] = await Promise.all([
    fds["control"] === undefined ? undefined : open("control"),
    open("0", isPty ? receive(1) : undefined),
    isPty ? undefined : open("1", receive(1)),
    isPty ? undefined : open("2", receive(2)),
  ]);
  control.attach(controlSocket);
  sendInput(input, useStdin);
  await Promise.all(outputs);
}

function exitStatus(operation: Operation): number {
  const status = operation.metadata?.["return"];
  const code = typeof status === "number" ? status & 0xff : undefined;
  try {
    assertSucceeded(operation);
  } catch (error) {
    // A status of 126 or 127 says it all; the server's log says no more.
    throw new CliError(messageOf(error), { hint: code === undefined ? hintOf(error) : undefined, exitCode: code || 1, cause: error });
  }
  return code ?? 0;
}

function delay(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, undefined));
}
