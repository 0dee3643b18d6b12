// The connection to one server: its client, and its events, which come back by themselves after the server was away.
import type { Client } from "../../server/api/client.ts";
import type { Event } from "../../server/api/events.ts";
import type { WebSocketClient } from "../transport/websocket.ts";

export interface Link {
  readonly client: Client;
  /** Opens a websocket of the server's. Throws when it cannot be reached. */
  openWebsocket(path: string, setUp: (socket: WebSocketClient) => void): Promise<WebSocketClient>;
}

export interface Listener {
  /** `up` comes again after every interruption: whatever happened meanwhile has not been told. */
  connection(state: "up" | "down", reason?: string): void;
  event(event: Event): void;
}

const firstPause = 250;
const longestPause = 5000;

/** Follows the events of a project, or of all when there is none, until the result is called. */
export function followEvents(link: Link, project: string | undefined, listener: Listener): () => void {
  let pause = firstPause;
  let timer: NodeJS.Timeout | undefined;
  let open: WebSocketClient | undefined;
  let over = false;
  const path = link.client.path("streamEvents", { type: "lifecycle,operation", ...(project === undefined ? { "all-projects": "true" } : { project }) });

  const again = (reason?: string) => {
    if (over) return;
    listener.connection("down", reason);
    timer = setTimeout(connect, pause);
    pause = Math.min(longestPause, pause * 2);
  };
  const connect = () => {
    link.openWebsocket(path, (socket) => {
      socket.on("message", (data) => listener.event(JSON.parse(String(data)) as Event));
    }).then((socket) => {
      if (over) return socket.terminate();
      open = socket;
      pause = firstPause;
      socket.once("close", () => again());
      listener.connection("up");
    }, (error: Error) => again(error.message));
  };
  connect();
  return () => {
    over = true;
    clearTimeout(timer);
    open?.terminate();
  };
}
