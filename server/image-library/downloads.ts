// Downloads that several ask for at once are done once: each of them hears how far it is, and it ends early when all have gone.

interface Shared {
  readonly listeners: Set<(metadata: Record<string, unknown>) => void>;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export type Work = (signal: AbortSignal, tell: (metadata: Record<string, unknown>) => void) => Promise<void>;

export class Downloads {
  readonly #running = new Map<string, Shared>();

  /** Begins the work of this name, or waits for the end of it when it goes on already. Throws the signal's reason when that is aborted. */
  async join(name: string, signal: AbortSignal, tell: (metadata: Record<string, unknown>) => void, work: Work): Promise<void> {
    signal.throwIfAborted();
    const shared = this.#running.get(name) ?? this.#begin(name, work);
    const hear = (metadata: Record<string, unknown>) => tell(metadata);
    shared.listeners.add(hear);
    let leave: () => void = () => {};
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
    });
    try {
      await Promise.race([shared.done, left]);
    } finally {
      signal.removeEventListener("abort", leave);
      shared.listeners.delete(hear);
      if (shared.listeners.size === 0) {
        this.#forget(name, shared); // who comes now begins anew
        shared.abort.abort(signal.reason);
      }
    }
  }

  #begin(name: string, work: Work): Shared {
    const listeners = new Set<(metadata: Record<string, unknown>) => void>();
    const abort = new AbortController();
    const tell = (metadata: Record<string, unknown>) => {
      for (const listener of listeners) listener(metadata);
    };
    const shared: Shared = { listeners, abort, done: work(abort.signal, tell).finally(() => this.#forget(name, shared)) };
    shared.done.catch(() => {}); // those who wait hear of it
    this.#running.set(name, shared);
    return shared;
  }

  #forget(name: string, shared: Shared): void {
    if (this.#running.get(name) === shared) this.#running.delete(name);
  }
}
