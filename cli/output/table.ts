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
  return cell.replace(/[\0-\x09\x0b-\x1f\x7f-\x9f]/g, " ").split("\n");
}

const narrowest = 8;

/** Makes the widest columns narrower until all of them fit, as far as that goes. */
function fitWidths(widths: readonly number[], most: number): number[] {
  const fitted = [...widths];
  for (let excess = fitted.reduce((sum, width) => sum + width + 3, 1) - most; excess > 0; excess--) {
    const widest = fitted.indexOf(Math.max(...fitted));
    if ((fitted[widest] ?? 0) <= narrowest) break;
    fitted[widest] = (fitted[widest] ?? 0) - 1;
  }
  return fitted;
}

/** Breaks a line into pieces of a width, at blanks where there are some. */
export function wrapLine(text: string, width: number): string[] {
  if (displayWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = "";
  for (const char of text) {
    if (displayWidth(line + char) > width) {
      const blank = line.lastIndexOf(" ");
      const cut = blank > width / 2 ? blank : line.length;
      lines.push(line.slice(0, cut));
      line = line.slice(cut).trimStart();
    }
    line += char;
  }
  return [...lines, line];
}

export function renderTable(header: readonly string[], rows: readonly (readonly string[])[], style: "table" | "compact" = "table", most = Number.POSITIVE_INFINITY): string {
  const titles = header.map(title);
  const whole = rows.map((row) => row.map(cellLines));
  const widths = fitWidths(titles.map((text, i) => Math.max(displayWidth(text), ...whole.map((row) => Math.max(...(row[i] ?? []).map(displayWidth))))), most);
  const cells = whole.map((row) => row.map((lines, i) => lines.flatMap((text) => wrapLine(text, widths[i] ?? 0))));
  const [edge, between] = style === "table" ? ["|", "|"] : [" ", ""];
  const line = style === "table" ? `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+\n` : "";
  const draw = (texts: string[]) => `${edge}${texts.map((text) => ` ${text} `).join(between)}${edge}\n`;

  const head = titles.map((text, i) => wrapLine(text, widths[i] ?? 0));
  const out = [line];
  for (let y = 0; y < Math.max(...head.map((lines) => lines.length)); y++) out.push(draw(head.map((lines, i) => centre(lines[y] ?? "", widths[i] ?? 0))));
  out.push(line);
  for (const row of cells) {
    const height = Math.max(...row.map((lines) => lines.length));
    for (let y = 0; y < height; y++) out.push(draw(row.map((lines, i) => padRight(lines[y] ?? "", widths[i] ?? 0))));
    out.push(line);
  }
  return out.join("");
}
