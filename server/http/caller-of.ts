// Who is at the other end of the unix socket.
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { administrator, type Caller } from "../auth/caller.ts";
import { peerUid } from "../host/peer.ts";

const names = new Map<number, string>();

/** The name of a user of this machine, or its id. */
export function nameUser(uid: number): string {
  let name = names.get(uid);
  if (name === undefined) {
    const line = readFileSync("/etc/passwd", "utf8").split("\n").find((entry) => entry.split(":")[2] === String(uid));
    name = line?.split(":")[0] ?? String(uid);
    names.set(uid, name);
  }
  return name;
}

const known = new WeakMap<Socket, Caller>();

/** Says who is behind a connection, of whom its socket alone does not tell. */
export function setCaller(socket: Socket, caller: Caller): void {
  known.set(socket, caller);
}

/** The caller behind a connection to the unix socket: whoever may open it may do everything. */
export function callerOf(socket: Socket): Caller {
  let caller = known.get(socket);
  if (!caller) {
    const uid = peerUid(socket);
    caller = administrator({ username: uid === undefined ? "" : nameUser(uid), protocol: "unix", address: "@" });
    known.set(socket, caller);
  }
  return caller;
}
