// Waiting for a file of the host's that a device refers to. The nearest folder that exists is watched, so that also the
// folders on the way may come later.
import { existsSync, type FSWatcher, watch as watchFolder } from "node:fs";
import path from "node:path";

interface Watched {
  watcher: FSWatcher | undefined;
  timer: NodeJS.Timeout | undefined;
}

const watched = new Map<string, Watched>();

/** How long a burst of changes is let come to its end, in ms. */
const calm = 50;

const keyOf = (instance: string, device: string) => `${instance}/${device}`;

/** Calls back when a file that a device waits for has appeared, or has gone; replaces what the device waited for before. */
export function watch(instance: string, device: string, file: string, changed: () => void): void {
  unwatch(instance, device);
  const state: Watched = { watcher: undefined, timer: undefined };
  watched.set(keyOf(instance, device), state);
  arm(state, file, existsSync(file), changed);
}

function arm(state: Watched, file: string, wasThere: boolean, changed: () => void): void {
  const look = () => {
    state.timer = undefined;
    state.watcher?.close();
    const isThere = existsSync(file);
    arm(state, file, isThere, changed);
    if (isThere !== wasThere) changed();
  };
  const soon = () => {
    state.timer ??= setTimeout(look, calm).unref();
  };
  let folder = path.dirname(file);
  while (!existsSync(folder) && folder !== "/") folder = path.dirname(folder);
  try {
    state.watcher = watchFolder(folder, { persistent: false }, soon).on("error", soon);
  } catch {
    state.timer = setTimeout(look, 1000).unref(); // it went meanwhile, or there are too many watches
  }
  if (existsSync(file) !== wasThere) soon();
}

/** How often /sys is looked at, which tells nobody of its changes, in ms. */
const pause = 2000;

/** Calls back when what `list` gives has changed. */
export function poll(instance: string, device: string, list: () => string, changed: () => void): void {
  unwatch(instance, device);
  const state: Watched = { watcher: undefined, timer: undefined };
  watched.set(keyOf(instance, device), state);
  let last = list();
  const look = () => {
    state.timer = setTimeout(look, pause).unref();
    const now = list();
    if (now === last) return;
    last = now;
    changed();
  };
  state.timer = setTimeout(look, pause).unref();
}

/** Ends a device's waiting. */
export function unwatch(instance: string, device: string): void {
  const state = watched.get(keyOf(instance, device));
  watched.delete(keyOf(instance, device));
  clearTimeout(state?.timer);
  state?.watcher?.close();
}
