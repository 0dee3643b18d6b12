// One thing at a time for each name. Work on the same name waits for its turn, in the order it came.
//
// Invariants: a holder never asks for the lock it holds; locks of several names are taken in sorted order.

export class Locks {
  readonly #tails = new Map<string, Promise<void>>();

  /** Resolves once all work that is begun or waits now has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

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

  /** Runs `work` once everything before it on all of these names has ended. */
  runAll<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    return [...new Set(names)].sort().reduceRight((inner, name) => () => this.run(name, inner), work)();
  }
}
