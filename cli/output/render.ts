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
  /** What JSON and YAML show. */
  raw: readonly unknown[];
  /** Of one of `raw`. */
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
  if (format === "json") return `${renderJson(forJson(raw, { listOf: shape }))}\n`;
  if (format === "yaml") return renderYaml(forYaml(raw, { listOf: shape }));
  if (format === "csv") return renderCsv(rows);
  return format === "compact" ? renderCompact(header, rows, width) : renderTable(header, rows, "table", width);
}
