// The server's events, for commands that wait for something or keep a view up to date.
import type { Event } from "../server/api/events.ts";
import { CliError } from "./errors.ts";
import { type Server, withProject } from "./remotes/server.ts";

export interface EventStream {
  close(): void;
  /** Rejects when the server has closed the stream. */
  ended: Promise<never>;
}

/** Calls back for every event of the types; resolves when the stream stands, so that nothing later is missed. */
export async function streamEvents(server: Server, types: readonly string[], onEvent: (event: Event) => void, query: Record<string, string> = {}): Promise<EventStream> {
  const path = withProject(server.client.path("streamEvents", { ...(types.length > 0 ? { type: types.join(",") } : {}), ...query }), server.project);
  let fail: (error: unknown) => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    fail = reject;
  });
  ended.catch(() => {}); // who wants to know awaits it
  const socket = await server.openWebsocket(path, (it) => it.on("message", (data) => {
    try {
      onEvent(JSON.parse(data.toString()) as Event);
    } catch (error) {
      fail(error);
    }
  }));
  socket.on("close", () => fail(new CliError("The server closed the stream of events", { hint: "it may be restarting: try again." })));
  return { ended, close: () => socket.close() };
}
