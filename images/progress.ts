// How far work on many bytes has come, told now and then in the words that LXD's clients show.

/** Bytes as LXD writes them: `12.34MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)}B`;
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let [value, unit] = [bytes / 1000, 0];
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${value.toFixed(2)}${units[unit]}`;
}

const every = 500;

export class Progress {
  /** Bytes in all, once that is known. */
  total: number | undefined;
  readonly #tell: (text: string, about: { processed: number; percent: number; speed: number }) => void;
  readonly #began = performance.now();
  #done = 0;
  #toldAt = performance.now();

  constructor(tell: (text: string, about: { processed: number; percent: number; speed: number }) => void, total?: number) {
    this.#tell = tell;
    this.total = total;
  }

  add(bytes: number): void {
    this.#done += bytes;
    const now = performance.now();
    if (now - this.#toldAt < every) return;
    this.#toldAt = now;
    const speed = Math.round((this.#done / (now - this.#began)) * 1000);
    const percent = this.total ? Math.min(100, Math.floor((100 * this.#done) / this.total)) : 0;
    const done = percent > 0 ? `${percent}%` : formatBytes(this.#done);
    this.#tell(`${done} (${formatBytes(speed)}/s)`, { processed: this.#done, percent, speed });
  }
}
