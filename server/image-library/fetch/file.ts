// Downloading one file whose hash is known: what was cut off goes on where it ended, what hangs is given up, and what is not as
// its list says is refused.
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { BerthError, fail } from "../../api/errors.ts";
import { defaultIdleTimeout, fetchUrl } from "../../remotes/fetch.ts";
import type { Proxies } from "../../remotes/proxy.ts";

export interface WantedFile {
  url: string;
  sha256: string;
  /** Bytes; undefined when it is not known. */
  size?: number | undefined;
}

export interface DownloadOptions {
  proxies: Proxies;
  signal: AbortSignal;
  /** Hears of each piece. */
  heard?: (bytes: number) => void;
  idleTimeout?: number;
}

/** How often a download goes on after it was cut off, in all, and how often without having got any further. */
const mostAttempts = 10;
const mostInVain = 4;

/** What could be otherwise the next time. */
class Interrupted extends Error {}

class Download {
  #hash = createHash("sha256");
  #size = 0;
  readonly #file: FileHandle;
  readonly #wanted: WantedFile;
  readonly #options: DownloadOptions;

  constructor(file: FileHandle, wanted: WantedFile, options: DownloadOptions) {
    this.#file = file;
    this.#wanted = wanted;
    this.#options = options;
  }

  async run(): Promise<number> {
    let inVain = 0;
    for (let attempt = 1; ; attempt++) {
      const had = this.#size;
      try {
        await this.#goOn();
        break;
      } catch (error) {
        this.#options.signal.throwIfAborted();
        if (!(error instanceof Interrupted)) throw error;
        inVain = this.#size > had ? 1 : inVain + 1;
        if (inVain >= mostInVain || attempt >= mostAttempts) throw fail("download_failed", { url: this.#wanted.url, reason: error.message }, error);
        await sleep(100 * 2 ** inVain, undefined, { signal: this.#options.signal });
      }
    }
    const found = this.#hash.digest("hex");
    if (found !== this.#wanted.sha256) throw fail("download_mismatch", { url: this.#wanted.url, found, expected: this.#wanted.sha256 });
    return this.#size;
  }

  async #goOn(): Promise<void> {
    const response = await this.#ask();
    try {
      await this.#receive(response);
    } finally {
      response.destroy();
    }
    const { size } = this.#wanted;
    if (size !== undefined && this.#size < size) throw new Interrupted(`it ended after ${this.#size} of ${size} bytes`);
  }

  async #ask(): Promise<IncomingMessage> {
    const { proxies, signal, idleTimeout } = this.#options;
    const headers: Record<string, string> = this.#size > 0 ? { range: `bytes=${this.#size}-` } : {};
    let response: IncomingMessage;
    try {
      response = await fetchUrl(this.#wanted.url, { proxies, signal, headers, ...(idleTimeout ? { idleTimeout } : {}) });
    } catch (error) {
      if (error instanceof BerthError && error.code === "remote_unreachable") throw new Interrupted(error.message, { cause: error });
      throw error;
    }
    const { statusCode: status = 0 } = response;
    if (status === 206 && response.headers["content-range"]?.startsWith(`bytes ${this.#size}-`)) return response;
    if (status === 200) {
      await this.#restart();
      return response;
    }
    response.destroy();
    if (status >= 500 || status === 429) throw new Interrupted(`the server answered ${status}`);
    throw fail("download_failed", { url: this.#wanted.url, reason: `the server answered ${status}` });
  }

  async #restart(): Promise<void> {
    if (this.#size === 0) return;
    await this.#file.truncate(0);
    this.#size = 0;
    this.#hash = createHash("sha256");
  }

  async #receive(response: IncomingMessage): Promise<void> {
    const limit = this.#options.idleTimeout ?? defaultIdleTimeout;
    response.socket.setTimeout(0); // its request's limit: this one can tell what happened
    let isIdle = false;
    let writing = false;
    const timer = setTimeout(() => {
      isIdle = true;
      response.destroy();
    }, limit);
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        timer.refresh();
        if (this.#size + chunk.length > (this.#wanted.size ?? Number.POSITIVE_INFINITY)) {
          throw fail("download_failed", { url: this.#wanted.url, reason: `it is larger than the ${this.#wanted.size} bytes that its list says` });
        }
        writing = true;
        await this.#file.writev([chunk], this.#size);
        writing = false;
        this.#size += chunk.length;
        this.#hash.update(chunk);
        this.#options.heard?.(chunk.length);
      }
    } catch (error) {
      if (error instanceof BerthError || writing) throw error;
      throw new Interrupted(isIdle ? `nothing came for ${limit / 1000} s` : `the connection was cut off (${(error as Error).message})`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
    if (isIdle) throw new Interrupted(`nothing came for ${limit / 1000} s`);
  }
}

/** Downloads into `target`, a new file; gives its size. Throws `download_failed`, `download_mismatch`, or the signal's reason; the file is the caller's to remove then. */
export async function downloadFile(target: string, wanted: WantedFile, options: DownloadOptions): Promise<number> {
  await using file = await open(target, "wx", 0o600);
  return await new Download(file, wanted, options).run();
}
