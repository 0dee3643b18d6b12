// One thing at a time for each name. Work on the same name waits for its turn, in the order it came.
//
// Invariants: a holder never asks for the lock it holds; locks of several names are taken in sorted order.

export class Locks {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` once everything before it on this name has ended. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name) ?? Promise.resolve();
    let release: () => void = () => {};
    const mine = new Promise<void>((resolve) => {
      release = resolve;
    });
    const tail = before.then(() => mine);
    this.#tails.set(name, tail);
    await before;
    try {
      return await work();
    } finally {
      release();
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    }
  }
}
