// Rates in bits per second, as limits of nics are written: 10Mbit, 512kbit, 1Gibit, or a plain number.

const units: Readonly<Record<string, number>> = {
  "": 1, bit: 1, kbit: 1e3, Mbit: 1e6, Gbit: 1e9, Tbit: 1e12,
  Kibit: 2 ** 10, Mibit: 2 ** 20, Gibit: 2 ** 30, Tibit: 2 ** 40,
};

/** Bits per second; undefined when the text is no rate. */
export function parseBits(text: string): number | undefined {
  const match = /^(\d{1,15})([A-Za-z]*)$/.exec(text);
  const unit = match?.[2] ?? "";
  if (!match || !Object.hasOwn(units, unit)) return undefined;
  const bits = Number(match[1]) * (units[unit] ?? 1);
  return Number.isSafeInteger(bits) ? bits : undefined;
}

/** What is wrong with a limit. */
export function checkRate(text: string): string | undefined {
  const bits = parseBits(text);
  if (bits === undefined) return "expected bits per second, such as 10Mbit or 512kbit";
  return bits < 8000 ? "expected at least 8kbit" : undefined;
}
