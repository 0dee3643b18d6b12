// Waiting for what becomes true by itself, by asking again and again; tests never just sleep.

export interface EventuallyOptions {
  /** Milliseconds; ten seconds when absent. */
  timeout?: number;
  /** Milliseconds between two tries. */
  every?: number;
  /** What is awaited, for the error. */
  what?: string;
}

/** Tries until the function returns something truthy without throwing, and returns that. */
export async function eventually<T>(attempt: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<NonNullable<T>> {
  const { timeout = 10_000, every = 20, what = attempt.toString().slice(0, 200) } = options;
  const until = Date.now() + timeout;
  for (;;) {
    let last: unknown;
    try {
      last = await attempt();
      if (last) return last as NonNullable<T>;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not so after ${timeout} ms: ${what}\nlast seen: ${seen}`, { cause: last });
    }
    await pause(every);
  }
}

/** Milliseconds of nothing, for the rare test of what must not happen. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
