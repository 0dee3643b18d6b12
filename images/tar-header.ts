// One 512-byte header of a tar archive, and the pax records that amend the next one.
import { fail } from "../server/api/errors.ts";

export const blockSize = 512;

export interface TarHeader {
  /** Without leading "./" and trailing "/"; the archive's root is "". */
  name: string;
  /** The archive's type letter: "0" file, "1" hard link, "2" symlink, "5" directory, "x" and "L" amend the next … */
  type: string;
  /** Bytes of data that follow, before padding. */
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  /** An old GNU sparse map goes on in the next block. */
  extended: boolean;
}

const broken = (reason: string) => fail("image_broken", { reason });

/** Text up to the first NUL. */
export function readText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

function readNumber(field: Buffer): number {
  if ((field[0] ?? 0) & 0x80) { // base 256, for sizes of 8 GiB and more
    return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, (field[0] ?? 0) & 0x7f);
  }
  const digits = readText(field).trim();
  return digits === "" ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function checksumMatches(block: Buffer): boolean {
  let sum = 8 * 0x20;
  for (let i = 0; i < blockSize; i++) if (i < 148 || i >= 156) sum += block[i] ?? 0;
  return sum === readNumber(block.subarray(148, 156));
}

/** How archives may write one and the same member. */
export function normalizeName(name: string): string {
  let start = 0;
  while (name.startsWith("./", start)) start += 2;
  let end = name.length;
  while (end > start && name[end - 1] === "/") end--;
  return name.slice(start, end) === "." ? "" : name.slice(start, end);
}

/** Reads a header; undefined is the block of zeros at the end. Throws `image_broken` when it is no header. */
export function parseHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  if (!checksumMatches(block)) throw broken("the tarball is damaged: a header has a wrong checksum");
  const type = String.fromCharCode(block[156] || 0x30);
  const size = type === "1" ? 0 : readNumber(block.subarray(124, 136));
  if (!Number.isSafeInteger(size) || size < 0) throw broken("the tarball is damaged: a member has no valid size");
  const prefix = block.toString("latin1", 257, 263) === "ustar\0" ? readText(block.subarray(345, 500)) : "";
  const name = readText(block.subarray(0, 100));
  return { name: normalizeName(prefix ? `${prefix}/${name}` : name), type, size, mtime: readNumber(block.subarray(136, 148)) || 0, extended: type === "S" && block[482] === 1 };
}

/** The records of a pax header ("LENGTH KEY=VALUE\n" each). */
export function parsePax(data: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(data.toString("latin1", at, space));
    if (!Number.isInteger(length) || length <= space - at || at + length > data.length) break;
    const record = data.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}
