// Reads what running instances use, while their list is looked at. The daemon has it at hand: one request for all.
import { useEffect, useSyncExternalStore } from "react";
import type { Link } from "../link.ts";
import type { Store } from "../state/store.ts";
import { nextUsage } from "../state/usage.ts";
import { instanceKey, instanceRow, loadInstances } from "../views/instances.ts";
import { placeOf } from "./use-server-data.ts";

const every = 3000;

export function useUsage(link: Link, { get, subscribe, dispatch }: Store): void {
  const state = useSyncExternalStore(subscribe, get);
  const isShown = state.view === "instances" && state.connection === "up" && (state.mode.kind === "list" || state.mode.kind === "filter");
  const { project, allProjects } = state;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the newest state is read each time
  useEffect(() => {
    if (!isShown) return;
    let over = false;
    let timer: NodeJS.Timeout | undefined;
    const read = async () => {
      // What cannot be read now is read the next time: a server that is gone is told of by its events.
      const instances = await loadInstances(placeOf(link, get())).catch(() => undefined);
      if (over) return;
      timer = setTimeout(read, every);
      if (!instances) return;
      dispatch({ type: "usage", usage: nextUsage(get().usage, instances, instanceKey, Date.now()) });
      dispatch({ type: "rows", rows: instances.map(instanceRow) }); // guests get addresses without an event
    };
    void read();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [isShown, link, project, allProjects]);
}
