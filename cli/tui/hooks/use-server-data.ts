// Keeps the rows of the current view as the server has them: read once, then changed by what its events tell.
import { useEffect, useRef, useSyncExternalStore } from "react";
import type { Event } from "../../../server/api/events.ts";
import type { Operation } from "../../../server/api/operations.ts";
import { messageOf } from "../../errors.ts";
import { followEvents, type Link } from "../link.ts";
import type { State } from "../state/model.ts";
import type { Change } from "../state/reduce.ts";
import type { Store } from "../state/store.ts";
import { viewOf } from "../views/index.ts";
import type { Place } from "../views/view.ts";

/** Events come in swarms: what they changed is read when they have been quiet for so long. */
const quiet = 80;

export function placeOf(link: Link, { project, allProjects, scope }: Pick<State, "project" | "allProjects" | "scope">): Place {
  return { client: link.client, project, allProjects, scope };
}

/** Resolves to a function that reads everything of the view again. */
export function useServerData(link: Link, { get, subscribe, dispatch }: Store): () => void {
  const { view: id, scope, project, allProjects } = useSyncExternalStore(subscribe, get);
  const now = () => ({ view: viewOf(get().view), place: placeOf(link, get()) });
  const pending = useRef({ timer: undefined as NodeJS.Timeout | undefined, all: false, sources: new Set<string>() });

  const fail = (error: unknown) => dispatch({ type: "message", message: { kind: "error", text: messageOf(error) } });
  const readAll = async () => {
    const { view, place } = now();
    const rows = await view.load(place);
    if (now().view === view && isSamePlace(now().place, place)) dispatch({ type: "rows", rows });
  };
  const readChanged = async (sources: readonly string[]) => {
    const { view, place } = now();
    const changes = await Promise.all(sources.map((source) => view.reload?.(place, new URL(source, "http://berth"))));
    if (now().view !== view || !isSamePlace(now().place, place)) return;
    for (const change of changes) if (change) dispatch({ type: "row", ...change });
  };
  const later = (source: string | undefined) => {
    const { current: waiting } = pending;
    if (source === undefined) waiting.all = true;
    else waiting.sources.add(source);
    waiting.timer ??= setTimeout(() => {
      const { all, sources } = waiting;
      pending.current = { timer: undefined, all: false, sources: new Set() };
      (all ? readAll() : readChanged([...sources])).catch(fail);
    }, quiet);
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the rest is read when it is needed
  useEffect(() => {
    readAll().catch(fail);
  }, [id, scope, project, allProjects, link]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the rest is read when it is needed
  useEffect(() => {
    const stop = followEvents(link, allProjects ? undefined : project, {
      connection: (connection) => {
        dispatch({ type: "connection", connection });
        if (connection === "up") later(undefined);
      },
      event: (event) => take(event, now().view, later, dispatch),
    });
    return () => {
      stop();
      clearTimeout(pending.current.timer);
    };
  }, [link, project, allProjects]);

  return () => later(undefined);
}

function isSamePlace(a: Place, b: Place): boolean {
  return a.client === b.client && a.project === b.project && a.allProjects === b.allProjects && a.scope === b.scope;
}

function take(event: Event, view: ReturnType<typeof viewOf>, later: (source: string | undefined) => void, dispatch: (change: Change) => void): void {
  if (event.type === "operation") {
    dispatch({ type: "operation", operation: event.metadata as Operation });
    if (view.followsOperations) later(undefined);
    return;
  }
  const { action = "", source = "" } = event.metadata as { action?: string; source?: string };
  if (!view.concerns.test(action)) return;
  later(view.reload && action !== "instance-renamed" ? source : undefined);
}
