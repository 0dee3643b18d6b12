// How far a transfer has come, on the terminal.
import type { Context } from "../../context.ts";
import { formatSize } from "../../output/units.ts";
import { ProgressLine } from "../../progress.ts";

export class TransferProgress {
  readonly #line: ProgressLine;
  readonly #start = performance.now();
  #bytes = 0;
  #shown = 0;

  constructor(ctx: Context) {
    this.#line = new ProgressLine(ctx.globals.quiet);
  }

  /** Counts bytes as they pass. `total`: of this file, when it is known and the only one. */
  async *count(what: string, bytes: AsyncIterable<Uint8Array>, total = 0): AsyncGenerator<Uint8Array> {
    for await (const part of bytes) {
      yield part;
      this.add(what, part.length, total);
    }
  }

  /** Counts bytes that have passed. */
  add(what: string, bytes: number, total = 0): void {
    this.#bytes += bytes;
    const now = performance.now();
    if (!this.#line.isShown || now - this.#shown < 100) return;
    this.#shown = now;
    const rate = formatSize(Math.floor(this.#bytes / ((now - this.#start) / 1000)));
    this.#line.update(`${what}: ${total > 0 ? `${Math.min(100, Math.floor((this.#bytes / total) * 100))}%` : formatSize(this.#bytes)} (${rate}/s)`);
  }

  done(): void {
    this.#line.done();
  }
}
