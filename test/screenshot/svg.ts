// A terminal's screen as a picture: text with the orders for colours becomes SVG.

const palette: Readonly<Record<number, string>> = {
  30: "#15171c", 31: "#f2777a", 32: "#99cc99", 33: "#ffcc66", 34: "#6699cc", 35: "#cc99cc", 36: "#66cccc", 37: "#d3d0c8", 90: "#7f7f8a",
};
const [background, foreground] = ["#15171c", "#d3d0c8"];
const cell = { width: 8.4, height: 18 };

interface Style {
  color: string;
  bold: boolean;
  dim: boolean;
  inverse: boolean;
}

const plain: Style = { color: foreground, bold: false, dim: false, inverse: false };

function change(style: Style, code: number): Style {
  if (code === 0) return plain;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 7) return { ...style, inverse: true };
  if (code === 27) return { ...style, inverse: false };
  if (code === 39) return { ...style, color: foreground };
  return palette[code] ? { ...style, color: palette[code] } : style;
}

const markup = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function pieces(line: string, begin: Style): { parts: { text: string; style: Style }[]; end: Style } {
  let style = begin;
  const parts: { text: string; style: Style }[] = [];
  for (const piece of line.split(/(\x1b\[[\d;]*m)/)) {
    const orders = /^\x1b\[([\d;]*)m$/.exec(piece)?.[1];
    if (orders !== undefined) for (const code of orders.split(";")) style = change(style, Number(code));
    else if (piece) parts.push({ text: piece, style });
  }
  return { parts, end: style };
}

/** Draws a screen of `width` columns. */
export function renderSvg(screen: string, width: number): string {
  const lines = screen.replace(/\n$/, "").split("\n");
  const drawn: string[] = [];
  let style = plain;
  for (const [row, line] of lines.entries()) {
    const { parts, end } = pieces(line, style);
    style = end;
    let column = 0;
    for (const { text, style: look } of parts) {
      const [x, y, size] = [12 + column * cell.width, 12 + row * cell.height, [...text].length];
      column += size;
      if (look.inverse) drawn.push(`<rect x="${x.toFixed(1)}" y="${y}" width="${(size * cell.width).toFixed(1)}" height="${cell.height}" fill="${look.color}"/>`);
      if (text.trim() === "") continue;
      const attributes = `fill="${look.inverse ? background : look.color}"${look.bold ? ' font-weight="bold"' : ""}${look.dim ? ' opacity="0.65"' : ""}`;
      drawn.push(`<text x="${x.toFixed(1)}" y="${y + 13}" textLength="${(size * cell.width).toFixed(1)}" ${attributes}>${markup(text)}</text>`);
    }
  }
  const [w, h] = [24 + width * cell.width, 24 + lines.length * cell.height];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${w.toFixed(0)}" height="${h}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">
<rect width="100%" height="100%" rx="8" fill="${background}"/>
${drawn.join("\n")}
</svg>
`;
}
