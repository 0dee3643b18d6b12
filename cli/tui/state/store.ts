// Holds the state: every change is there at once for whoever looks next, and is drawn when React gets to it.
import type { State } from "./model.ts";
import { type Change, reduce } from "./reduce.ts";

export class Store {
  #state: State;
  readonly #listeners = new Set<() => void>();

  constructor(initial: State) {
    this.#state = initial;
  }

  readonly get = (): State => this.#state;

  readonly dispatch = (change: Change): void => {
    const next = reduce(this.#state, change);
    if (next === this.#state) return;
    this.#state = next;
    for (const listener of this.#listeners) listener();
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
