// How often a guest may ask: so many requests at once, then so many a second. Who asks more waits for its turn.

const burst = 200;
const perSecond = 50;

export class Turns {
  #left = burst;
  #counted: number;

  constructor(now: number) {
    this.#counted = now;
  }

  /** Takes a turn at a time in ms; gives how many ms to wait for it. */
  take(now: number): number {
    this.#left = Math.min(burst, this.#left + ((now - this.#counted) * perSecond) / 1000) - 1;
    this.#counted = now;
    return this.#left >= 0 ? 0 : Math.ceil((-this.#left * 1000) / perSecond);
  }
}
