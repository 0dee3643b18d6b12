// CSV as Go's encoding/csv writes it: no header, quotes only where they are needed.

function field(text: string): string {
  const needsQuotes = text === "\\." || /[",\r\n]/.test(text) || /^[\s\u0085\u00a0]/.test(text);
  return needsQuotes ? `"${text.replaceAll('"', '""')}"` : text;
}

export function renderCsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(field).join(",")}\n`).join("");
}
