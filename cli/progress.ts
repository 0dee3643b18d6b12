// One line on the terminal that is written over as work goes on. Silent unless stderr is a terminal.
import { isTerminal } from "./output/terminal.ts";
import { formatSize } from "./output/units.ts";
import { writeNow } from "./output/write.ts";

/** `20s`, `3m 5s`, `2h 10m` */
function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)}m ${seconds % 60}s` : `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
}

/** `, 20s left` for work that goes on as it has in its first seconds; empty while that is too little to go by. */
function renderRest(fraction: number, seconds: number): string {
  if (seconds < 1 || fraction <= 0 || fraction >= 1) return "";
  return `, ${formatSeconds(Math.ceil((seconds / fraction) * (1 - fraction)))} left`;
}

/** `45% (12.30MB/s, 20s left)`, or what has come so far when nobody knows how much there is. `seconds`: since it began. */
export function renderTransfer(done: number, total: number, seconds: number): string {
  const speed = `${formatSize(Math.floor(done / Math.max(0.001, seconds)))}/s`;
  if (total <= 0) return `${formatSize(done)} (${speed})`;
  return `${Math.min(100, Math.floor((done / total) * 100))}% (${speed}${renderRest(done / total, seconds)})`;
}

/** When work will be done that goes on as it has so far. */
export class Remaining {
  readonly #began = performance.now();

  /** `, 1m 20s left` */
  tell(fraction: number): string {
    return renderRest(fraction, (performance.now() - this.#began) / 1000);
  }
}

export class ProgressLine {
  readonly isShown: boolean;
  #length = 0;
  #heldUntil = 0;

  constructor(quiet: boolean) {
    this.isShown = !quiet && isTerminal(2);
  }

  update(text: string): void {
    if (this.isShown && Date.now() >= this.#heldUntil) this.#draw(text);
  }

  /** Shows something for a while, whatever the progress is. */
  warn(text: string, milliseconds = 5000): void {
    if (!isTerminal(2)) return;
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
