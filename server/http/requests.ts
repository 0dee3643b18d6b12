// What is counted of requests, for the metrics.

/** Upper bounds of how long a request took, in seconds. */
export const latencyBounds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10] as const;

export interface RequestCount {
  endpoint: string;
  /** HTTP status. */
  status: number;
  count: number;
}

export class RequestStats {
  ongoing = 0;
  answered = 0;
  /** All that answers took. */
  seconds = 0;
  readonly #counts = new Map<string, RequestCount>();
  readonly #within: number[] = latencyBounds.map(() => 0);

  /** One was answered that began `ms` ago. */
  count(endpoint: string, status: number, ms: number): void {
    const key = `${endpoint} ${status}`;
    const known = this.#counts.get(key);
    if (known) known.count++;
    else this.#counts.set(key, { endpoint, status, count: 1 });
    this.answered++;
    this.seconds += ms / 1000;
    for (let i = latencyBounds.length - 1; i >= 0 && ms / 1000 <= (latencyBounds[i] ?? 0); i--) this.#within[i] = (this.#within[i] ?? 0) + 1;
  }

  counts(): RequestCount[] {
    return [...this.#counts.values()];
  }

  /** How many were answered within a bound. */
  within(bound: number): number {
    return this.#within[bound] ?? 0;
  }
}
