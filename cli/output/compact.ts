// The table without lines.
import { renderTable } from "./table.ts";

export function renderCompact(header: readonly string[], rows: readonly (readonly string[])[], most?: number): string {
  return renderTable(header, rows, "compact", most);
}
