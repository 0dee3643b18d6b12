// Tables as Go's tablewriter draws them for lxc: `table` with lines, `compact` without.

/** How many columns a terminal needs for a text. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || /\p{Mn}|\p{Me}|\p{Cf}/u.test(char)) continue;
    width += isWide(code) ? 2 : 1;
  }
  return width;
}

function isWide(code: number): boolean {
  return (
    code >= 0x1100 &&
    (code <= 0x115f || (code >= 0x2e80 && code <= 0xa4cf && code !== 0x303f) || (code >= 0xac00 && code <= 0xd7a3) ||
      (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
      (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1f64f) || (code >= 0x1f900 && code <= 0x1f9ff) ||
      (code >= 0x20000 && code <= 0x3fffd))
  );
}

function padRight(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

function centre(text: string, width: number): string {
  const gap = Math.max(0, width - displayWidth(text));
  return " ".repeat(Math.floor(gap / 2)) + text + " ".repeat(Math.ceil(gap / 2));
}

/** Upper case, with `_` and `.` as spaces; a dot within a number stays. */
function title(header: string): string {
  const chars = [...header];
  const numberish = (char: string | undefined) => char !== undefined && /[0-9 ]/.test(char);
  const spaced = chars.map((char, i) => {
    if (char === "_") return " ";
    if (char !== ".") return char;
    const isNumber = (i === 0 || numberish(chars[i - 1])) && (i === chars.length - 1 || numberish(chars[i + 1]));
    return isNumber ? char : " ";
  });
  return (spaced.join("").trim() || (header === "" ? "" : " ")).toUpperCase();
}

/** Control characters but line breaks would move the cursor: names and descriptions are other people's. */
function cellLines(cell: string): string[] {
  return cell.replace(/[\0-\x09\x0b-\x1f\x7f]/g, " ").split("\n");
}

export function renderTable(header: readonly string[], rows: readonly (readonly string[])[], style: "table" | "compact" = "table"): string {
  const titles = header.map(title);
  const cells = rows.map((row) => row.map(cellLines));
  const widths = titles.map((text, i) => Math.max(displayWidth(text), ...cells.map((row) => Math.max(...(row[i] ?? []).map(displayWidth)))));
  const [edge, between] = style === "table" ? ["|", "|"] : [" ", ""];
  const line = style === "table" ? `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+\n` : "";
  const draw = (texts: string[]) => `${edge}${texts.map((text) => ` ${text} `).join(between)}${edge}\n`;

  const out = [line, draw(titles.map((text, i) => centre(text, widths[i] ?? 0))), line];
  for (const row of cells) {
    const height = Math.max(...row.map((lines) => lines.length));
    for (let y = 0; y < height; y++) out.push(draw(row.map((lines, i) => padRight(lines[y] ?? "", widths[i] ?? 0))));
    out.push(line);
  }
  return out.join("");
}
