// SFTP sessions on an instance: the connection is handed to a berth-sftp of its own, which ends with it or with the guest.
import { closeSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import { TLSSocket } from "node:tls";
import { fail } from "../api/errors.ts";
import type { Context } from "../context.ts";
import { signalProcess } from "../host/pidfd.ts";
import { childEnv } from "../host/run.ts";
import { makeSocketPair } from "../host/sockets.ts";
import { type Spawned, spawnProgram } from "../host/spawn.ts";
import { type GuestRoot, withRoot } from "./files/root.ts";
import { systemNameOf } from "./store.ts";

const SIGKILL = 9;

/** Where the build puts it: beside the daemon. */
const program = `${__dirname}/berth-sftp`;

/** The connection as a descriptor for another program. What TLS has to decrypt first passes through a pair of sockets. */
function handOver(socket: Duplex): { fd: number; done: () => void } {
  const fd = (socket as Socket & { _handle?: { fd?: number } })._handle?.fd;
  if (!(socket instanceof TLSSocket) && fd !== undefined && fd >= 0) return { fd, done: () => socket.destroy() };
  const [theirs, ours] = makeSocketPair();
  return {
    fd: theirs,
    done: () => {
      closeSync(theirs);
      const inner = new Socket({ fd: ours, readable: true, writable: true });
      socket.setMaxListeners(0); // two pipelines add more of them than Node thinks is sound
      pipeline(socket, inner, () => inner.destroy());
      pipeline(inner, socket, () => socket.destroy());
    },
  };
}

function serve(root: GuestRoot, connection: number): Spawned {
  const args = ["berth-sftp", JSON.stringify(root.map)];
  return spawnProgram({ program, args, env: childEnv(), cwd: "/", stdio: [connection, "/dev/null", "/dev/null", root.fd] });
}

/** Answers an upgrade to SFTP. Throws `upgrade_missing` or `instance_not_found`. */
export async function openSftp(ctx: Context, project: string | undefined, name: string, request: IncomingMessage, socket: Duplex): Promise<void> {
  if (request.headers.upgrade?.toLowerCase() !== "sftp") throw fail("upgrade_missing");
  if (ctx.shutdown.begun) throw fail("shutting_down");
  const instance = ctx.instances.get(ctx.projects.named(project), name);
  const running = ctx.runtime.get(systemNameOf(instance));
  socket.pause();
  await new Promise<void>((resolve) => socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: sftp\r\nConnection: Upgrade\r\n\r\n", () => resolve()));
  const connection = handOver(socket);
  const server = await withRoot(ctx, instance, async (root) => serve(root, connection.fd)).finally(connection.done);
  void running?.ended.then(() => server.isRunning() && signalProcess(server.pid, SIGKILL));
}
