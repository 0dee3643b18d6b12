// The two orders lxc sorts by: rows naturally (c2 before c10), YAML keys as Go's yaml does.

const isDigit = (code: number) => code >= 48 && code <= 57;

/** The number that starts there: where it ends, and where its leading zeros do. */
function spanNumber(text: string, start: number): { from: number; end: number } {
  let from = start;
  while (text[from] === "0") from++;
  let end = from;
  while (isDigit(text.charCodeAt(end))) end++;
  return { from, end };
}

/** Like Go's sortorder.NaturalLess: digits before letters, numbers by value. */
export function compareNatural(a: string, b: string): number {
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(j)];
    if (isDigit(x) !== isDigit(y)) return isDigit(x) ? -1 : 1;
    if (!isDigit(x)) {
      if (x !== y) return x - y;
      i++;
      j++;
      continue;
    }
    const [left, right] = [spanNumber(a, i), spanNumber(b, j)];
    const byLength = left.end - left.from - (right.end - right.from);
    if (byLength !== 0) return byLength;
    const [valueA, valueB] = [a.slice(left.from, left.end), b.slice(right.from, right.end)];
    if (valueA !== valueB) return valueA < valueB ? -1 : 1;
    if (left.from - i !== right.from - j) return left.from - i - (right.from - j);
    i = left.end;
    j = right.end;
  }
  return a.length - b.length;
}

/** By the first cell that differs; empty cells last. */
export function compareRows(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? "", b[i] ?? ""];
    if (x === y) continue;
    if (x === "" || y === "") return x === "" ? 1 : -1;
    return compareNatural(x, y);
  }
  return 0;
}

const isLetter = (char: string) => /\p{L}/u.test(char);

function numberAt(text: string, start: number): { value: number; end: number } {
  const digits = /^\d*/.exec(text.slice(start))?.[0] ?? "";
  return { value: Number(digits), end: start + digits.length };
}

/** How Go's yaml.v2 orders the keys of a map. */
export function compareYamlKeys(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a[i] ?? "", b[i] ?? ""];
    if (x === y) continue;
    const [letterX, letterY] = [isLetter(x), isLetter(y)];
    if (letterX && letterY) return x < y ? -1 : 1;
    if (letterX || letterY) return letterY ? -1 : 1;
    const [numberX, numberY] = [numberAt(a, i), numberAt(b, i)];
    if (numberX.value !== numberY.value) return numberX.value - numberY.value;
    if (numberX.end !== numberY.end) return numberX.end - numberY.end;
    return x < y ? -1 : 1;
  }
  return a.length - b.length;
}
