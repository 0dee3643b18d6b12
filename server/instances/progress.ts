// Telling how far a transfer of bytes is, in an operation's metadata.
import type { Operation } from "../operations/operation.ts";

/** How often, in ms. */
const every = 500;
const units = ["B", "kB", "MB", "GB", "TB"];

/** As LXD's clients show sizes. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return unit === 0 ? `${value}B` : `${value.toFixed(2)}${units[unit]}`;
}

/** A function that is told of bytes as they pass, and says so under a key. `what` stands in front. */
export function progressOf(operation: Operation, key: string, what = ""): (bytes: number) => void {
  const start = performance.now();
  let [sum, told] = [0, start];
  return (bytes) => {
    sum += bytes;
    const now = performance.now();
    if (now - told < every) return;
    told = now;
    operation.update({ [key]: `${what}${formatBytes(sum)} (${formatBytes(Math.floor(sum / ((now - start) / 1000)))}/s)` });
  };
}
