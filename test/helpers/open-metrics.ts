// Reads OpenMetrics text as a monitoring system would, and is as strict about it.
import assert from "node:assert/strict";

export interface Sample {
  series: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

export interface Metrics {
  samples: Sample[];
  /** Series → its type. */
  types: ReadonlyMap<string, string>;
  /** The value of the one sample with these labels among its own. */
  value(series: string, labels?: Readonly<Record<string, string>>): number;
}

const unquote = (text: string) => text.replace(/\\(["\\n])/g, (_, char: string) => (char === "n" ? "\n" : char));

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const match = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
    assert.ok(match, `labels of: ${line}`);
    assert.ok(!Object.hasOwn(labels, match[1] ?? ""), `a label twice: ${line}`);
    labels[match[1] ?? ""] = unquote(match[2] ?? "");
    rest = rest.slice(match[0].length);
  }
  return labels;
}

/** Throws for whatever is not as it should be: HELP and TYPE before samples, no sample twice, an end. */
export function parseMetrics(text: string): Metrics {
  assert.ok(text.endsWith("\n# EOF\n"), `the end: ${text.slice(-80)}`);
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  const seen = new Set<string>();
  let [helped, current] = ["", ""];
  for (const line of text.slice(0, -"# EOF\n".length).trimEnd().split("\n")) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (comment?.[1] === "HELP") {
      helped = comment[2] ?? "";
      continue;
    }
    if (comment) {
      current = comment[2] ?? "";
      assert.equal(helped, current, `HELP stands before TYPE: ${line}`);
      assert.ok(!types.has(current), `all samples of a series stand together: ${line}`);
      assert.match(comment[3] ?? "", /^(counter|gauge|histogram)$/);
      types.set(current, comment[3] ?? "");
      continue;
    }
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.+)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(line);
    assert.ok(match, `a line that is no sample: ${line}`);
    const series = match[1] ?? "";
    const own = types.get(current) === "histogram" ? series.replace(/_(bucket|sum|count)$/, "") : series;
    assert.equal(own, current, `below the TYPE of its series: ${line}`);
    const key = line.slice(0, line.lastIndexOf(" "));
    assert.ok(!seen.has(key), `a sample twice: ${line}`);
    seen.add(key);
    samples.push({ series, labels: parseLabels(match[2] ?? "", line), value: Number(match[3]) });
  }
  return {
    samples, types,
    value(series, labels = {}) {
      const found = samples.filter((one) => one.series === series && Object.entries(labels).every(([key, value]) => one.labels[key] === value));
      assert.equal(found.length, 1, `samples of ${series} with ${JSON.stringify(labels)}: ${found.length}`);
      return found[0]?.value ?? Number.NaN;
    },
  };
}
