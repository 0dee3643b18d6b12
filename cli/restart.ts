// Servers that are away for a moment, as they are while an upgrade restarts them.
import { isCode } from "../server/api/errors.ts";

/** How long a server may take to come back, in ms. It finishes what it has begun before it ends. */
const patience = 60_000;

/** Whether the server has taken nothing of a request, since it stops or is not there. */
function isAway(error: unknown): boolean {
  const { code } = ((error as Error | undefined)?.cause ?? {}) as NodeJS.ErrnoException;
  return isCode(error, "shutting_down") || code === "ENOENT" || code === "ECONNREFUSED";
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Makes a request, again and again while the server is away; `tell` is called when that begins. When it takes too long, throws
 * what `giveUp` makes of the last error.
 */
export async function whenBack<T>(request: () => Promise<T>, tell: () => void, giveUp: (error: unknown) => Error): Promise<T> {
  let told = false;
  for (const until = performance.now() + patience; ; await sleep(200)) {
    try {
      return await request();
    } catch (error) {
      if (!isAway(error)) throw error;
      if (performance.now() > until) throw giveUp(error);
      if (!told) tell();
      told = true;
    }
  }
}
