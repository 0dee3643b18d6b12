// Downloading one file whose hash is known: what was cut off goes on where it ended, what hangs is given up, and what is not as
// its list says is refused.
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type FileHandle, open } from "node:fs/promises";
import { fail } from "../../api/errors.ts";
import { defaultIdleTimeout, fetchUrl } from "../../remotes/fetch.ts";
import type { Proxies } from "../../remotes/proxy.ts";
import { asInterrupted, assertStatus, Attempts, Interrupted, piecesOf } from "./interrupted.ts";

export interface WantedFile {
  url: string;
  sha256: string;
  /** Bytes; undefined when it is not known. */
  size?: number | undefined;
}

export interface DownloadOptions {
  proxies: Proxies;
  signal: AbortSignal;
  /** Hears of each piece; of less than nothing when it begins anew. */
  heard?: (bytes: number) => void;
  idleTimeout?: number;
}

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
    const attempts = new Attempts(this.#wanted.url, this.#options.signal);
    for (let isWhole = false; !isWhole;) {
      try {
        await this.#goOn();
        isWhole = true;
      } catch (error) {
        await attempts.again(error, this.#size);
      }
    }
    const found = this.#hash.digest("hex");
    if (found !== this.#wanted.sha256) throw fail("download_mismatch", { url: this.#wanted.url, found, expected: this.#wanted.sha256 });
    return this.#size;
  }

  async #goOn(): Promise<void> {
    await this.#receive(await this.#ask());
    const { size } = this.#wanted;
    if (size !== undefined && this.#size < size) throw new Interrupted(`it ended after ${this.#size} of ${size} bytes`);
  }

  async #ask(): Promise<IncomingMessage> {
    const { proxies, signal, idleTimeout } = this.#options;
    const headers: Record<string, string> = this.#size > 0 ? { range: `bytes=${this.#size}-` } : {};
    const response = await fetchUrl(this.#wanted.url, { proxies, signal, headers, ...(idleTimeout ? { idleTimeout } : {}) }).catch((error) => { throw asInterrupted(error); });
    const goesOn = response.statusCode === 206 && response.headers["content-range"]?.startsWith(`bytes ${this.#size}-`);
    if (goesOn) return response;
    assertStatus(response, this.#wanted.url, [200]);
    await this.#restart();
    return response;
  }

  async #restart(): Promise<void> {
    if (this.#size === 0) return;
    await this.#file.truncate(0);
    this.#options.heard?.(-this.#size);
    this.#size = 0;
    this.#hash = createHash("sha256");
  }

  async #receive(response: IncomingMessage): Promise<void> {
    for await (const chunk of piecesOf(response, this.#options.idleTimeout ?? defaultIdleTimeout)) {
      if (this.#size + chunk.length > (this.#wanted.size ?? Number.POSITIVE_INFINITY)) {
        throw fail("download_failed", { url: this.#wanted.url, reason: `it is larger than the ${this.#wanted.size} bytes that its list says` });
      }
      await this.#file.writev([chunk], this.#size);
      this.#size += chunk.length;
      this.#hash.update(chunk);
      this.#options.heard?.(chunk.length);
    }
  }
}

/** Downloads into `target`, a new file; gives its size. Throws `download_failed`, `download_mismatch`, or the signal's reason; the file is the caller's to remove then. */
export async function downloadFile(target: string, wanted: WantedFile, options: DownloadOptions): Promise<number> {
  await using file = await open(target, "wx", 0o600);
  return await new Download(file, wanted, options).run();
}
