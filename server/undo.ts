// What to take back when something fails half-way: steps pushed as they are done, run backwards.
import { explain, log } from "./log.ts";

export class Undo {
  #steps: (() => unknown)[] = [];

  push(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** All went well: nothing is taken back. */
  keep(): void {
    this.#steps = [];
  }

  async run(): Promise<void> {
    for (const step of this.#steps.reverse()) {
      try {
        await step();
      } catch (error) {
        log.warn("a step could not be undone", { error: explain(error) });
      }
    }
    this.#steps = [];
  }
}

/** Runs `work`; when it throws, its undo steps are run before the error goes on. */
export async function withUndo<T>(work: (undo: Undo) => Promise<T>): Promise<T> {
  const undo = new Undo();
  try {
    return await work(undo);
  } catch (error) {
    await undo.run();
    throw error;
  }
}
