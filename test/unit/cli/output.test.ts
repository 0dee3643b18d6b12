import assert from "node:assert/strict";
import { test } from "node:test";
import { renderCsv } from "../../../cli/output/csv.ts";
import { renderJson, sortKeys } from "../../../cli/output/json.ts";
import { compareNatural, compareRows, compareYamlKeys } from "../../../cli/output/natural.ts";
import { renderListing } from "../../../cli/output/render.ts";
import { forJson, forYaml, instanceFullShape, profileShape } from "../../../cli/output/shape.ts";
import { renderTransfer } from "../../../cli/progress.ts";
import { displayWidth, renderTable, wrapLine } from "../../../cli/output/table.ts";
import { formatSize, formatSizeIec, formatUpload, formatUtc, isTimeSet, trimFraction } from "../../../cli/output/units.ts";
import { readYaml, renderYaml } from "../../../cli/output/yaml.ts";

test("draws tables as lxc does: centred titles, lines, cells of several lines", () => {
  assert.equal(renderTable(["name", "STATE", "IPV4"], [["c1", "RUNNING", "10.0.0.2 (eth0)\n10.0.0.1 (eth1)"], ["c10", "STOPPED", ""]]), `+------+---------+-----------------+
| NAME |  STATE  |      IPV4       |
+------+---------+-----------------+
| c1   | RUNNING | 10.0.0.2 (eth0) |
|      |         | 10.0.0.1 (eth1) |
+------+---------+-----------------+
| c10  | STOPPED |                 |
+------+---------+-----------------+
`);
  assert.equal(renderTable(["A", "B"], []), "+---+---+\n| A | B |\n+---+---+\n");
});

test("draws compact tables without lines", () => {
  assert.equal(renderTable(["NAME", "STATE"], [["c1", "RUNNING"]], "compact"), "  NAME   STATE   \n  c1    RUNNING  \n");
});

test("measures wide and combining characters, and keeps control characters out of the terminal", () => {
  assert.deepEqual(["abc", "ünï", "日本", "e\u0301"].map(displayWidth), [3, 3, 4, 1]);
  assert.ok(!renderTable(["A"], [["\x1b[31mred\x07"]]).includes("\x1b"));
});

test("quotes CSV only where it must", () => {
  assert.equal(renderCsv([["a", "", "b c", 'say "x"', "1,2", "l1\nl2", " lead"]]), 'a,,b c,"say ""x""","1,2","l1\nl2"," lead"\n');
});

test("writes JSON as Go does", () => {
  assert.equal(renderJson(sortKeys({ b: "<&>", a: [{ d: 1, c: null }] })), '{"a":[{"c":null,"d":1}],"b":"\\u003c\\u0026\\u003e"}');
});

test("sorts rows by name with numbers by value, empty cells last", () => {
  assert.deepEqual(["c10", "c2", "c1", "c02", "b", "1"].sort(compareNatural), ["1", "b", "c1", "c2", "c02", "c10"]);
  assert.deepEqual([["", "z"], ["a", "2"], ["a", "10"]].sort(compareRows), [["a", "2"], ["a", "10"], ["", "z"]]);
});

test("orders YAML keys as Go's yaml does", () => {
  assert.deepEqual(["eth10", "eth2", "a.b", "ab", "A"].sort(compareYamlKeys), ["A", "a.b", "ab", "eth2", "eth10"]);
});

const yamlCases: [unknown, string][] = [
  ["plain", "plain"], ["", '""'], ["true", '"true"'], ["yes", '"yes"'], ["n", '"n"'], ["123", '"123"'], ["0x1f", '"0x1f"'], ["1e3", '"1e3"'],
  ["10:20", '"10:20"'], ["00:16:3e:a5:e1:89", "00:16:3e:a5:e1:89"], ["10.0.0.1/24", "10.0.0.1/24"], ["2020-01-02", '"2020-01-02"'],
  ["a: b", "'a: b'"], ["[x]", "'[x]'"], ["it's #1", "'it''s #1'"], ["- a", "'- a'"], ["@", "'@'"], [" lead", "' lead'"], ["tab\there", '"tab\\there"'],
  ["one\ntwo", "|-\n    one\n    two"], ["one\ntwo\n", "|\n    one\n    two"], ["x \ny", '"x \\ny"'], ["~", '"~"'], ["null", '"null"'], ["=", "="],
  [null, "null"], [5, "5"], [false, "false"], [[], "[]"], [{}, "{}"],
];
test("quotes YAML as Go's yaml does", async (t) => {
  for (const [value, expected] of yamlCases) {
    await t.test(JSON.stringify(value), async () => {
      const text = renderYaml({ a: { b: value } });
      assert.equal(text, `a:\n  b: ${expected}\n`);
      if (typeof value === "string") assert.deepEqual(await readYaml(text), { a: { b: value } });
    });
  }
});

test("nests lists and maps as Go's yaml does", () => {
  assert.equal(renderYaml({ l: [{ x: "1", a: ["q"] }, [["deep"]], "s"] }), 'l:\n- a:\n  - q\n  x: "1"\n- - - deep\n- s\n');
  assert.equal(renderYaml([]), "[]\n");
});

test("reads YAML without guessing types", async () => {
  assert.deepEqual(await readYaml("a: 0755\nb: yes\nc: 1e3\n"), { a: "0755", b: "yes", c: "1e3" });
  assert.equal(await readYaml(" \n"), undefined);
});

test("gives structs their order, maps theirs, and shows what it does not know last", () => {
  const profile = { used_by: null, extra: 1, name: "p", devices: null, config: { b: "2", a: "1" }, description: "" };
  assert.equal(renderYaml(forYaml(profile, profileShape)), 'config:\n  a: "1"\n  b: "2"\ndescription: ""\ndevices: {}\nname: p\nused_by: []\nextra: 1\n');
  assert.equal(JSON.stringify(forJson(profile, profileShape)), '{"config":{"a":"1","b":"2"},"description":"","devices":null,"name":"p","used_by":null,"extra":1}');
});

test("leaves times bare in YAML", () => {
  assert.equal(renderYaml(forYaml({ name: "c", created_at: "2026-01-02T03:04:05.6Z" }, instanceFullShape)), "created_at: 2026-01-02T03:04:05.6Z\nname: c\n");
});

test("refuses an unknown format", () => {
  assert.throws(() => renderListing("xml", { header: [], rows: [], raw: [], shape: "value" }), /Invalid format "xml"/);
});

test("formats sizes and times", () => {
  assert.deepEqual([formatSize(999), formatSize(1642), formatSizeIec(921600), formatSizeIec(1581056)], ["999B", "1.64kB", "900.00KiB", "1.51MiB"]);
  assert.equal(formatUtc("2026-11-23T07:59:59.5+02:00"), "2026/11/23 05:59 UTC");
  assert.equal(formatUpload("2026-11-03T00:09:00Z"), "Nov 3, 2026 at 12:09am (UTC)");
  assert.deepEqual(["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z"].map(isTimeSet), [false, false, true]);
});

test("breaks long cells for a narrow terminal, at blanks where there are some, and loses nothing", () => {
  const rows = [["web", "a description that is much too long for this", "日本語のとても長い説明文です"]];
  const table = renderTable(["NAME", "DESCRIPTION", "OTHER"], rows, "table", 44);
  const lines = table.trimEnd().split("\n");
  assert.ok(lines.every((line) => displayWidth(line) === displayWidth(lines[0] ?? "") && displayWidth(line) <= 44), table);
  const column = (i: number) => lines.filter((line) => line.startsWith("| ")).slice(1).map((line) => line.split("|")[i]?.trim() ?? "").join(" ");
  assert.equal(column(2).replace(/ +/g, " ").trim(), "a description that is much too long for this");
  assert.equal(column(3).replace(/ /g, ""), "日本語のとても長い説明文です");
  assert.deepEqual(wrapLine("abcdefghij", 4), ["abcd", "efgh", "ij"]);
});

test("says how far a transfer is, how fast, and how long it may take", () => {
  assert.deepEqual([renderTransfer(500, 1000, 0.5), renderTransfer(50_000_000, 100_000_000, 10), renderTransfer(1_000_000, 1_000_000_000, 2), renderTransfer(2_000_000, 0, 2)], [
    "50% (1.00kB/s)", "50% (5.00MB/s, 10s left)", "0% (500.00kB/s, 33m 18s left)", "2.00MB (1.00MB/s)",
  ]);
});

test("times of events end as lxc writes them", () => {
  const times = ["00:48:48.580Z", "00:48:48.000Z", "00:48:48.123Z", "00:48:00Z", "00:48:48.050000+01:00"];
  assert.deepEqual(times.map(trimFraction), ["00:48:48.58Z", "00:48:48Z", "00:48:48.123Z", "00:48:00Z", "00:48:48.050000+01:00"]);
});
