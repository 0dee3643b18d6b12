// Instances whose guest has been asked to stop, and takes its time: others need not wait for that in
// line, they are told, and a forced stop goes ahead.
import { fail } from "../api/errors.ts";
import { nameParts } from "./store.ts";

export class BusyInstances {
  readonly #actions = new Map<string, string>();

  /** Throws `instance_busy` while an action on it goes on. */
  assertIdle(systemName: string): void {
    const action = this.#actions.get(systemName);
    if (action) throw fail("instance_busy", { action, name: nameParts(systemName).name });
  }

  /** What it is busy with, if anything. */
  actionOn(systemName: string): string | undefined {
    return this.#actions.get(systemName);
  }

  async during<T>(systemName: string, action: string, work: () => Promise<T>): Promise<T> {
    this.#actions.set(systemName, action);
    try {
      return await work();
    } finally {
      this.#actions.delete(systemName);
    }
  }
}
