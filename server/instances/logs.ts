// The log files of an instance that clients may read.
import { readdirSync, rmSync } from "node:fs";
import { fail } from "../api/errors.ts";
import { hasCode } from "../host/libc.ts";
import { fileReply, type RawReply } from "../http/replies.ts";

const readable = /^(lxc\.log|lxc\.log\.old|lxc\.conf|console\.log(\.1)?|forkstart\.log|(exec|migration|snapshot)_[\w.-]+)$/;
const deletable = /^(exec|migration|snapshot)_[\w.-]+$/;

export function listLogs(folder: string): string[] {
  return readdirSync(folder).filter((name) => readable.test(name)).sort();
}

/** Throws `invalid_log_name` or `log_not_found`. */
export async function readLog(folder: string, name: string): Promise<RawReply> {
  if (!readable.test(name)) throw fail("invalid_log_name", { name: name.slice(0, 80) });
  try {
    return await fileReply(`${folder}/${name}`, name);
  } catch (error) {
    if (hasCode(error, "ENOENT")) throw fail("log_not_found", { name });
    throw error;
  }
}

export function deleteLog(folder: string, name: string): void {
  if (!deletable.test(name)) throw fail("invalid_log_name", { name: name.slice(0, 80) });
  try {
    rmSync(`${folder}/${name}`);
  } catch (error) {
    if (hasCode(error, "ENOENT")) throw fail("log_not_found", { name });
    throw error;
  }
}
