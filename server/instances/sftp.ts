// SFTP sessions on an instance: the connection is handed to a berth-sftp of its own, which ends with it or with the guest.
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { fail } from "../api/errors.ts";
import type { Context } from "../context.ts";
import { signalProcess } from "../host/pidfd.ts";
import { childEnv } from "../host/run.ts";
import { type Spawned, spawnProgram } from "../host/spawn.ts";
import { type GuestRoot, withRoot } from "./files/root.ts";
import { systemNameOf } from "./store.ts";

const SIGKILL = 9;

/** Where the build puts it: beside the daemon. */
const program = `${__dirname}/berth-sftp`;

/** The descriptor of a connection that nothing was read from yet. */
function descriptorOf(socket: Duplex): number {
  const fd = (socket as Socket & { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) throw fail("not_supported", { what: "SFTP over this kind of connection", hint: "" });
  return fd;
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
  const connection = descriptorOf(socket);
  socket.pause();
  await new Promise<void>((resolve) => socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: sftp\r\nConnection: Upgrade\r\n\r\n", () => resolve()));
  const server = await withRoot(ctx, instance, async (root) => serve(root, connection));
  socket.destroy(); // the session's process has it
  void running?.ended.then(() => server.isRunning() && signalProcess(server.pid, SIGKILL));
}
