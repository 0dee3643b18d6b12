// The socket for users of this machine who do not administer berthd: each is confined to what it is given here.
import type { IncomingMessage, RequestListener } from "node:http";
import type { Socket } from "node:net";
import type { Caller } from "../auth/caller.ts";
import { peerUid } from "../host/peer.ts";
import { fail } from "../api/errors.ts";
import { refuseUpgrade } from "./app.ts";
import { nameUser, setCaller } from "./caller-of.ts";
import type { Upgrade } from "./listen.ts";

/** Who a user is to the server, and the project that its requests are about when they name none. */
export type Enter = (user: { uid: number; name: string }) => { caller: Caller; project: string };

interface Sides {
  handler: RequestListener;
  upgrade: Upgrade;
}

/** The same handlers, for connections of users. */
export function confineUsers({ handler, upgrade }: Sides, enter: Enter): Sides {
  const known = new WeakMap<Socket, string>();
  const admit = (request: IncomingMessage, socket: Socket) => {
    let project = known.get(socket);
    if (project === undefined) {
      const uid = peerUid(socket);
      if (uid === undefined) throw fail("forbidden");
      const entered = enter({ uid, name: nameUser(uid) });
      setCaller(socket, entered.caller);
      known.set(socket, (project = entered.project));
    }
    request.url = withProject(request.url ?? "/", project);
  };
  return {
    handler(request, response) {
      try {
        admit(request, request.socket);
      } catch (error) {
        return refuseUpgrade(request.socket, error);
      }
      return handler(request, response);
    },
    upgrade(request, socket, head) {
      try {
        admit(request, socket as Socket);
      } catch (error) {
        return refuseUpgrade(socket, error);
      }
      return upgrade(request, socket, head);
    },
  };
}

/** A request that names no project is about the user's own. */
export function withProject(url: string, project: string): string {
  const [path = "", query = ""] = url.split("?", 2);
  const parameters = new URLSearchParams(query);
  if (parameters.getAll("project").some((name) => name !== "") || parameters.has("all-projects")) return url;
  parameters.set("project", project);
  return `${path}?${parameters}`;
}
