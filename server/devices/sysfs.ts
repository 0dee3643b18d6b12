// Reading /sys: small files, and what lies around a device.
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";

/** A file's trimmed text; undefined when it cannot be read. */
export function readAttribute(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined;
  }
}

export function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

export function realPath(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    return undefined;
  }
}

/** A device's folder and those it lies in, up to /sys/devices. */
export function ancestors(folder: string): string[] {
  const found: string[] = [];
  for (let at = folder; at !== "/" && path.basename(at) !== "devices"; at = path.dirname(at)) found.push(at);
  return found;
}

/** The two numbers in text such as 189:3. */
export function parseNumbers(text: string | undefined): { major: number; minor: number } | undefined {
  const match = /^(\d+):(\d+)$/.exec(text ?? "");
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}
