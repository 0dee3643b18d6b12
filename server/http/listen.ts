// The sockets that berthd serves on: those that systemd hands over, or one of its own.
import { chmodSync, chownSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { fail } from "../api/errors.ts";
import { log } from "../log.ts";

export interface Listener {
  /** Takes no more connections, and ends those that are idle or linger. */
  close(): Promise<void>;
}

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Descriptors that systemd passed to this process. */
export function activatedSockets(env: NodeJS.ProcessEnv): number[] {
  const first = 3;
  if (Number(env["LISTEN_PID"]) !== process.pid) return [];
  return Array.from({ length: Number(env["LISTEN_FDS"]) || 0 }, (_, i) => first + i);
}

function groupId(name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name);
  const line = readFileSync("/etc/group", "utf8").split("\n").find((entry) => entry.startsWith(`${name}:`));
  return line === undefined ? undefined : Number(line.split(":")[2]);
}

/** Throws when a group that was asked for by name does not exist; the usual ones may be missing. */
export function assertGroup(group: string, usual: string): void {
  if (group !== usual && groupId(group) === undefined) {
    throw fail("bad_request", { reason: `There is no group "${group}" on this machine (groupadd ${group})` });
  }
}

function open(server: Server, where: string | { fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function makeServer(handler: RequestListener, upgrade: Upgrade): Server {
  // An image's upload takes as long as it takes.
  const server = createServer({ requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 60_000 }, handler);
  server.on("upgrade", upgrade);
  return server;
}

/** The usual group of administrators, and that of users who are confined. */
export const usualGroup = "berth";
export const usualUserGroup = "berth-users";

/** Serves on `path`, open to root and a group; undefined when there is no such group. */
export async function listenForUsers(handler: RequestListener, upgrade: Upgrade, path: string, group: string): Promise<Listener | undefined> {
  if (groupId(group) === undefined) {
    rmSync(path, { force: true });
    return undefined;
  }
  const server = makeServer(handler, upgrade);
  await openOwn(server, path, group);
  return listenerOf([server]);
}

/** Serves on `path`, open to root and a group; or on systemd's sockets when it gave some. */
export async function listen(handler: RequestListener, upgrade: Upgrade, path: string, group: string): Promise<Listener> {
  const given = activatedSockets(process.env);
  const servers = (given.length > 0 ? given : [undefined]).map(() => makeServer(handler, upgrade));
  for (const [i, server] of servers.entries()) {
    const fd = given[i];
    if (fd !== undefined) await open(server, { fd });
    else await openOwn(server, path, group);
  }
  return listenerOf(servers);
}

function listenerOf(servers: readonly Server[]): Listener {
  const upgraded = new Set<Duplex>();
  for (const server of servers) {
    server.prependListener("upgrade", (_request, socket: Duplex) => {
      upgraded.add(socket);
      socket.once("close", () => upgraded.delete(socket));
    });
  }
  return {
    async close() {
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      for (const socket of upgraded) socket.destroy();
      for (const server of servers) server.closeIdleConnections();
      const lingering = setTimeout(() => {
        for (const server of servers) server.closeAllConnections();
      }, 1000);
      await Promise.all(closed);
      clearTimeout(lingering);
    },
  };
}

/** The lock on the folder says that nobody serves on an old socket any more. */
async function openOwn(server: Server, path: string, group: string): Promise<void> {
  rmSync(path, { force: true });
  const before = process.umask(0o177);
  try {
    await open(server, path);
  } finally {
    process.umask(before);
  }
  const gid = groupId(group);
  if (gid === undefined) log.info("there is no group of administrators: only root can use the socket", { group });
  chownSync(path, 0, gid ?? 0);
  chmodSync(path, 0o660);
}
