// Kernel settings of an interface, below /proc/sys/net.
import { readFileSync, writeFileSync } from "node:fs";
import { hasCode } from "../../host/libc.ts";

const root = "/proc/sys/net";

/** The value of a setting; undefined when the kernel has none of that name. */
export function readSetting(path: string): string | undefined {
  try {
    return readFileSync(`${root}/${path}`, "utf8").trim();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Writes a setting unless it is so already, or the kernel does not have it (no IPv6, say). */
export function writeSetting(path: string, value: string): void {
  const now = readSetting(path);
  if (now !== undefined && now !== value) writeFileSync(`${root}/${path}`, value);
}
