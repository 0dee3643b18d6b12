// The two orders lxc sorts by: rows naturally (c2 before c10), YAML keys as Go's yaml does.

const splitNumbers = (text: string): string[] => text.match(/\d+|[^\d]/g) ?? [];

/** Like Go's sortorder.NaturalLess: digits before letters, numbers by value. */
export function compareNatural(a: string, b: string): number {
  const [partsA, partsB] = [splitNumbers(a), splitNumbers(b)];
  for (let i = 0; i < partsA.length && i < partsB.length; i++) {
    const [x, y] = [partsA[i] ?? "", partsB[i] ?? ""];
    if (x === y) continue;
    const [isNumberX, isNumberY] = [/^\d/.test(x), /^\d/.test(y)];
    if (isNumberX !== isNumberY) return isNumberX ? -1 : 1;
    if (!isNumberX) return x < y ? -1 : 1;
    const [valueX, valueY] = [x.replace(/^0+/, ""), y.replace(/^0+/, "")];
    if (valueX.length !== valueY.length) return valueX.length - valueY.length;
    if (valueX !== valueY) return valueX < valueY ? -1 : 1;
    return x.length - y.length;
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
