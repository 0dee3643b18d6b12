// One list in the format that was asked for.
import { CliError } from "../errors.ts";
import { renderCompact } from "./compact.ts";
import { renderCsv } from "./csv.ts";
import { renderJson } from "./json.ts";
import { forJson, forYaml, type Shape } from "./shape.ts";
import { renderTable } from "./table.ts";
import { renderYaml } from "./yaml.ts";

export interface Listing {
  header: readonly string[];
  rows: readonly (readonly string[])[];
  /** What JSON and YAML show: a list, usually. */
  raw: unknown;
  /** Of `raw`, or of one of its items. */
  shape: Shape;
}

const formats = ["table", "compact", "csv", "json", "yaml"];

/** Throws when there is no such format: before anything is asked of the server. */
export function assertFormat(format: string): void {
  if (!formats.includes(format)) throw new CliError(`Invalid format "${format}"`, { hint: `choose one of ${formats.join(", ")}.` });
}

/** `width`: of the terminal, when it is one. Long cells are broken for it, but in nothing that a program may read. */
export function renderListing(format: string, { header, rows, raw, shape }: Listing, width?: number): string {
  assertFormat(format);
  const whole: Shape = Array.isArray(raw) ? { listOf: shape } : shape;
  if (format === "json") return `${renderJson(forJson(raw, whole))}\n`;
  if (format === "yaml") return renderYaml(forYaml(raw, whole));
  if (format === "csv") return renderCsv(rows);
  return format === "compact" ? renderCompact(header, rows, width) : renderTable(header, rows, "table", width);
}
