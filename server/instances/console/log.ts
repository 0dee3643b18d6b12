// What was last written to a console. liblxc keeps it in console.log; a full one becomes console.log.1.
import { type BigIntStats, rmSync, statSync, truncateSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fail } from "../../api/errors.ts";
import { hasCode } from "../../host/libc.ts";
import type { RawReply } from "../../http/replies.ts";

/** As much as LXD's buffer holds. */
const limit = 128 * 1024;

function identify(file: string): BigIntStats | undefined {
  return statSync(file, { bigint: true, throwIfNoEntry: false });
}

async function read(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Throws `log_not_found` when the instance was never started. */
export async function readConsole(folder: string): Promise<RawReply> {
  const file = `${folder}/console.log`;
  for (let tries = 0; ; tries++) {
    const before = identify(file);
    const older = await read(`${file}.1`);
    const newer = await read(file);
    if (!older && !newer) throw fail("log_not_found", { name: "console.log" });
    if (before?.ino !== identify(file)?.ino && tries < 10) continue; // liblxc has just begun another file
    const body = Buffer.concat([older ?? Buffer.alloc(0), newer ?? Buffer.alloc(0)]).subarray(-limit);
    return { headers: { "content-type": "application/octet-stream", "content-length": String(body.length), "content-disposition": 'inline;filename="console.log"' }, body };
  }
}

/** Forgets what was written. The file stays: liblxc has it open, and goes on at its new end. */
export function clearConsole(folder: string): void {
  try {
    truncateSync(`${folder}/console.log`);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
  rmSync(`${folder}/console.log.1`, { force: true });
}

/** A start begins with an empty console. */
export function removeConsole(folder: string): void {
  rmSync(`${folder}/console.log`, { force: true });
  rmSync(`${folder}/console.log.1`, { force: true });
}
