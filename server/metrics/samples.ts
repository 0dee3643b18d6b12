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

/** Lines of samples by their series. */
export class Samples {
  readonly #lines = new Map<SeriesName, string[]>();

  /** Adds one with labels that are text already; an unknown value adds nothing. `suffix`: of a histogram's series. */
  add(name: SeriesName, labels: string, value: number | undefined, suffix = ""): void {
    if (value === undefined || !Number.isFinite(value)) return;
    const lines = this.#lines.get(name);
    const line = labels === "" ? `${name}${suffix} ${value}` : `${name}${suffix}{${labels}} ${value}`;
    if (lines) lines.push(line);
    else this.#lines.set(name, [line]);
  }

  lines(name: SeriesName): readonly string[] {
    return this.#lines.get(name) ?? [];
  }
}

/** OpenMetrics text of several sets. */
export function renderMetrics(sets: readonly Samples[]): string {
  const text: string[] = [];
  for (const [name, { type, help }] of Object.entries(series) as [SeriesName, Series][]) {
    const lines = sets.flatMap((set) => set.lines(name));
    if (lines.length > 0) text.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines);
  }
  text.push("# EOF", "");
  return text.join("\n");
}
