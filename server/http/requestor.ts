// Who sent a request.
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import type { Requestor } from "../api/events.ts";
import { peerUid } from "../host/peer.ts";

const names = new Map<number, string>();

function userName(uid: number): string {
  let name = names.get(uid);
  if (name === undefined) {
    const line = readFileSync("/etc/passwd", "utf8").split("\n").find((entry) => entry.split(":")[2] === String(uid));
    name = line?.split(":")[0] ?? String(uid);
    names.set(uid, name);
  }
  return name;
}

const known = new WeakMap<Socket, Requestor>();

/** The requestor behind a connection to the unix socket. */
export function requestorOf(socket: Socket): Requestor {
  let requestor = known.get(socket);
  if (!requestor) {
    const uid = peerUid(socket);
    requestor = { username: uid === undefined ? "" : userName(uid), protocol: "unix", address: "@" };
    known.set(socket, requestor);
  }
  return requestor;
}
