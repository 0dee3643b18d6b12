// How far a transfer has come, on the terminal.
import type { Context } from "../../context.ts";
import { ProgressLine, renderTransfer } from "../../progress.ts";

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
    this.#line.update(`${what}: ${renderTransfer(this.#bytes, total, (now - this.#start) / 1000)}`);
  }

  done(): void {
    this.#line.done();
  }
}
