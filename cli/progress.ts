// One line on the terminal that is written over as work goes on. Silent unless stderr is a terminal.
import { isatty } from "node:tty";
import { formatSize } from "./output/units.ts";
import { writeNow } from "./output/write.ts";

const tellRest = (seconds: number) => (seconds < 120 ? `${seconds}s left` : `${Math.round(seconds / 60)}min left`);

/** When work will be done of which only the share is known that is done, if it goes on as it has so far. */
export class Remaining {
  readonly #began = performance.now();

  /** `, 20s left`; empty while there is too little to go by. */
  tell(fraction: number): string {
    const elapsed = (performance.now() - this.#began) / 1000;
    return elapsed < 1 || fraction <= 0 || fraction >= 1 ? "" : `, ${tellRest(Math.ceil((elapsed / fraction) * (1 - fraction)))}`;
  }
}

/** `45% (12.30MB/s, 20s left)`, or what has come so far when nobody knows how much there is. `seconds`: since it began. */
export function renderTransfer(done: number, total: number, seconds: number): string {
  const rate = done / Math.max(0.001, seconds);
  const speed = `${formatSize(Math.floor(rate))}/s`;
  if (total <= 0) return `${formatSize(done)} (${speed})`;
  const left = Math.ceil(Math.max(0, total - done) / Math.max(1, rate));
  // A guess made of the first moments is worth nothing.
  const rest = seconds < 1 || left === 0 ? "" : `, ${tellRest(left)}`;
  return `${Math.min(100, Math.floor((done / total) * 100))}% (${speed}${rest})`;
}

export class ProgressLine {
  readonly isShown: boolean;
  #length = 0;
  #heldUntil = 0;

  constructor(quiet: boolean) {
    this.isShown = !quiet && isatty(2);
  }

  update(text: string): void {
    if (this.isShown && Date.now() >= this.#heldUntil) this.#draw(text);
  }

  /** Shows something for a while, whatever the progress is. */
  warn(text: string, milliseconds = 5000): void {
    if (!isatty(2)) return;
    this.#draw(text);
    this.#heldUntil = Date.now() + milliseconds;
  }

  /** Takes the line away. */
  done(): void {
    if (this.#length > 0) writeNow(2, `\r${" ".repeat(this.#length)}\r`);
    this.#length = 0;
  }

  #draw(text: string): void {
    const width = process.stderr.columns ?? 80;
    const line = text.replace(/[\0-\x1f\x7f]/g, " ").slice(0, width - 1);
    writeNow(2, `\r${line}${" ".repeat(Math.max(0, this.#length - line.length))}`);
    this.#length = line.length;
  }
}
