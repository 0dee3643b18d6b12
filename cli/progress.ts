// One line on the terminal that is written over as work goes on. Silent unless stderr is a terminal.
import { isatty } from "node:tty";
import { writeNow } from "./output/write.ts";

/** When work will be done that goes on as it has so far. */
export class Remaining {
  readonly #began = performance.now();

  /** `, 1m 20s left`; empty while there is too little to go by. */
  tell(fraction: number): string {
    const elapsed = (performance.now() - this.#began) / 1000;
    if (elapsed < 2 || fraction < 0.01 || fraction >= 1) return "";
    const seconds = Math.ceil((elapsed / fraction) * (1 - fraction));
    if (seconds < 60) return `, ${seconds}s left`;
    return seconds < 3600 ? `, ${Math.floor(seconds / 60)}m ${seconds % 60}s left` : `, ${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m left`;
  }
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
