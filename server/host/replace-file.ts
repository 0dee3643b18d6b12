// Writing a file in one step: whoever reads it, or comes after a daemon that was killed, finds the old one or the new one, whole.
import { chmodSync, renameSync, writeFileSync } from "node:fs";

/** `mode`: as it is to be, whatever the umask. */
export function replaceFile(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, text, { mode });
  chmodSync(`${file}.new`, mode);
  renameSync(`${file}.new`, file);
}
