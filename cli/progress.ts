// One line on the terminal that is written over as work goes on. Silent unless stderr is a terminal.
import { isatty } from "node:tty";
import { writeNow } from "./output/write.ts";

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
