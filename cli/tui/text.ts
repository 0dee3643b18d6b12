// Text cut and padded to a number of terminal cells.
import stringWidth from "string-width";

const segmenter = new Intl.Segmenter();

/** What the terminal would take for an order is shown as a space. */
export function clean(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, " ");
}

function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** Exactly `width` cells: cut with an ellipsis, or padded at its end (`right`: at its beginning). */
export function fit(text: string, width: number, right = false): string {
  if (width <= 0) return "";
  const shown = clean(text);
  const size = isPlain(shown) ? shown.length : stringWidth(shown);
  if (size <= width) return right ? " ".repeat(width - size) + shown : shown + " ".repeat(width - size);
  if (isPlain(shown)) return `${shown.slice(0, width - 1)}…`;
  let cut = "";
  let used = 0;
  for (const { segment } of segmenter.segment(shown)) {
    const cells = stringWidth(segment);
    if (used + cells > width - 1) break;
    cut += segment;
    used += cells;
  }
  return `${cut}…${" ".repeat(width - used - 1)}`;
}

const bars = "▁▂▃▄▅▆▇█";

/** A line of bars, the newest at its right; `full` is the value of the highest bar. */
export function sparkline(values: readonly number[], width: number, full: number): string {
  const shown = values.slice(-width);
  const drawn = shown.map((value) => bars[Math.min(bars.length - 1, Math.max(0, Math.round((value / full) * (bars.length - 1))))] ?? " ");
  return drawn.join("").padStart(width);
}
