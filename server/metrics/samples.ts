// Samples, and the text of them: one line each, sorted by series.
import { type SeriesName, series, type Series } from "./series.ts";

/** A label's value, in quotes: names of interfaces are the guests'. */
export function quoteLabel(value: string): string {
  return /["\\\n]/.test(value) ? `"${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"` : `"${value}"`;
}

/** `name="c1",project="default"`: labels in the order they are given. */
export function renderLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${quoteLabel(value)}`).join(",");
}

/** Samples of one series. Kept as they are, as there are ten thousand of them in a scrape: their text would be garbage that the collector copies. */
interface Column {
  labels: string[];
  values: number[];
  /** Of a histogram's. */
  suffixes: string[];
}

export class Samples {
  readonly #columns = new Map<SeriesName, Column>();

  /** Adds one with labels that are text already; an unknown value adds nothing. `suffix`: of a histogram's series. */
  add(name: SeriesName, labels: string, value: number | undefined, suffix?: string): void {
    if (value === undefined || !Number.isFinite(value)) return;
    let column = this.#columns.get(name);
    if (!column) this.#columns.set(name, (column = { labels: [], values: [], suffixes: [] }));
    column.labels.push(labels);
    column.values.push(value);
    if (suffix !== undefined) column.suffixes.push(suffix);
  }

  has(name: SeriesName): boolean {
    return this.#columns.has(name);
  }

  /** Adds the text of a series to some parts of a text, a line for each sample. */
  render(name: SeriesName, parts: (string | number)[]): void {
    const { labels, values, suffixes } = this.#columns.get(name) ?? { labels: [], values: [], suffixes: [] };
    for (let i = 0; i < labels.length; i++) {
      const own = labels[i] as string;
      parts.push(name);
      if (suffixes.length > 0) parts.push(suffixes[i] as string);
      if (own === "") parts.push(" ", values[i] as number, "\n");
      else parts.push("{", own, "} ", values[i] as number, "\n");
    }
  }
}

/** OpenMetrics text of several sets. */
export function renderMetrics(sets: readonly Samples[]): string {
  const parts: (string | number)[] = [];
  for (const [name, { type, help }] of Object.entries(series) as [SeriesName, Series][]) {
    if (!sets.some((set) => set.has(name))) continue;
    parts.push(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    for (const set of sets) set.render(name, parts);
  }
  parts.push("# EOF\n");
  return parts.join("");
}
