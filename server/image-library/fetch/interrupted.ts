// Downloads that break off: a server that hangs is given up, and what was cut off is tried again for a while.
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { BerthError, fail } from "../../api/errors.ts";

/** What could be otherwise the next time. */
export class Interrupted extends Error {}

/** A server that cannot be reached may be there the next time. */
export function asInterrupted(error: unknown): unknown {
  return error instanceof BerthError && error.code === "remote_unreachable" ? new Interrupted(error.message, { cause: error }) : error;
}

/** Throws unless the answer's status is one that is wanted: `Interrupted` for what passes by, else `download_failed`. */
export function assertStatus(response: IncomingMessage, url: string, good: readonly number[]): void {
  const { statusCode: status = 0 } = response;
  if (good.includes(status)) return;
  response.destroy();
  if (status >= 500 || status === 429) throw new Interrupted(`the server answered ${status}`);
  throw fail("download_failed", { url, reason: `the server answered ${status}` });
}

/** The pieces of an answer. Throws `Interrupted` when it is cut off, or when nothing comes for so long. */
export async function* piecesOf(response: IncomingMessage, idleTimeout: number): AsyncGenerator<Buffer> {
  response.socket.setTimeout(0); // its request's limit: this one can tell what happened
  let [isIdle, isWaiting] = [false, true];
  const timer = setTimeout(() => {
    if (!isWaiting) return void timer.refresh();
    isIdle = true;
    response.destroy();
  }, idleTimeout);
  const idle = () => new Interrupted(`nothing came for ${idleTimeout / 1000} s`);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      isWaiting = false;
      yield chunk;
      isWaiting = true;
      timer.refresh();
    }
  } catch (cause) {
    throw isIdle ? idle() : new Interrupted(`the connection was cut off (${(cause as Error).message})`, { cause });
  } finally {
    clearTimeout(timer);
    response.destroy();
  }
  if (isIdle) throw idle();
}

/** How often a download is tried in all, and how often without having got any further. */
const most = 10;
const mostInVain = 4;

export class Attempts {
  readonly #url: string;
  readonly #signal: AbortSignal;
  #made = 0;
  #inVain = 0;
  #furthest = 0;

  constructor(url: string, signal: AbortSignal) {
    [this.#url, this.#signal] = [url, signal];
  }

  /** Waits before the next attempt; `got`: bytes that this one came to. Throws `error` when it was no interruption, `download_failed` after too many. */
  async again(error: unknown, got: number): Promise<void> {
    this.#signal.throwIfAborted();
    if (!(error instanceof Interrupted)) throw error;
    this.#made++;
    this.#inVain = got > this.#furthest ? 1 : this.#inVain + 1;
    this.#furthest = Math.max(this.#furthest, got);
    if (this.#inVain >= mostInVain || this.#made >= most) throw fail("download_failed", { url: this.#url, reason: error.message }, error);
    await sleep(100 * 2 ** this.#inVain, undefined, { signal: this.#signal });
  }
}
