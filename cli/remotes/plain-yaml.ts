// Reads the YAML that the client itself writes: maps of maps of plain words, two blanks a level. The real parser takes longer to
// load than a whole list takes, so it is asked only for what a user wrote in another way.

const line = /^( *)([A-Za-z0-9][A-Za-z0-9._-]*):(?: ([A-Za-z0-9/@._-](?:[^#:"'\\\x00-\x1f\x7f-\uffff]|:(?! |$)|(?<=\S)#)*))?$/;

type Level = { [key: string]: string | Level };

/** The document, every scalar as the text it is; undefined when it is not that plain. */
export function readPlainYaml(text: string): Level | undefined {
  const root: Level = {};
  const open: Level[] = [root];
  for (const each of text.split("\n")) {
    if (each === "") continue;
    const isEmpty = each.endsWith(": {}");
    const [, blanks, key, value] = line.exec(isEmpty ? each.slice(0, -3) : each) ?? [];
    if (key === undefined || blanks === undefined || blanks.length % 2 !== 0) return undefined;
    const depth = blanks.length / 2;
    const level = open[depth];
    if (level === undefined || Object.hasOwn(level, key) || /\s$/.test(value ?? "")) return undefined;
    open.length = depth + 1;
    if (value !== undefined) {
      level[key] = value;
      continue;
    }
    const inner: Level = {};
    level[key] = inner;
    if (!isEmpty) open.push(inner);
  }
  return hasGap(root, text) ? undefined : root;
}

/** A key with nothing below it is null, not a map. */
function hasGap(level: Level, text: string): boolean {
  return Object.entries(level).some(([key, value]) => typeof value === "object" && (Object.keys(value).length === 0 ? !text.includes(`${key}: {}`) : hasGap(value, text)));
}
