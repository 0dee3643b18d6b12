// What a request about a file says: its path, and the X-LXD-* headers (Incus' clients write X-Incus-*).
import type { IncomingHttpHeaders } from "node:http";
import { fail } from "../../api/errors.ts";
import { extraHeader } from "../../http/headers.ts";
import type { IdMap, IdRange } from "../../host/user-namespace.ts";
import { guestId, hostId } from "../../lxc/idmap.ts";

/** The path as the guest sees it, absolute, without slashes at its end. Throws `file_path_missing`. */
export function guestPathOf(path: string | undefined): string {
  if (!path) throw fail("file_path_missing");
  if (path.includes("\0")) throw fail("file_refused", { path: path.replaceAll("\0", "\\0").slice(0, 80), reason: "a path cannot hold a zero byte" });
  return `/${path.replace(/^\/+|\/+$/g, "")}`;
}

export interface FileHeaders {
  type: "file" | "symlink" | "directory";
  append: boolean;
  /** Of the guest; undefined leaves what is. */
  uid: number | undefined;
  gid: number | undefined;
  mode: number | undefined;
}

function numberOf(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** As LXD parses it: octal with a leading 0, else decimal; what is no number counts as absent. */
export function parseMode(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  if (text.startsWith("0") && /[89]/.test(text)) return Number(text) & 0o777;
  return Number.parseInt(text, text.startsWith("0") ? 8 : 10) & 0o777;
}

/** Throws `file_bad_type` or `file_bad_write_mode`. */
export function parseHeaders(headers: IncomingHttpHeaders): FileHeaders {
  const get = (name: string) => extraHeader(headers, name).trim();
  const type = get("type") || "file";
  const write = get("write") || "overwrite";
  if (write !== "overwrite" && write !== "append") throw fail("file_bad_write_mode", { mode: write.slice(0, 80) });
  if (type !== "file" && type !== "symlink" && type !== "directory") throw fail("file_bad_type", { type: type.slice(0, 80) });
  return { type, append: write === "append", uid: numberOf(get("uid")), gid: numberOf(get("gid")), mode: parseMode(get("mode")) };
}

/** What the kernel shows in place of an owner that has no id in a guest. */
const nobody = 65534;

function toHost(ranges: readonly IdRange[], id: number, what: string, path: string): number {
  const found = hostId(ranges, id);
  if (found === undefined) throw fail("file_refused", { path, reason: `${what} ${id} is outside the instance's range of ids` });
  return found;
}

/** Host ids as the guest's. */
export function guestOwner(map: IdMap, owner: { uid: number; gid: number }): { uid: number; gid: number } {
  return { uid: guestId(map.uid, owner.uid) ?? nobody, gid: guestId(map.gid, owner.gid) ?? nobody };
}

/** Host ids for a new file; the guest's root where the request names none. Throws `file_refused`. */
export function hostOwner(map: IdMap, { uid = 0, gid = 0 }: Pick<FileHeaders, "uid" | "gid">, path: string): { uid: number; gid: number } {
  return { uid: toHost(map.uid, uid, "uid", path), gid: toHost(map.gid, gid, "gid", path) };
}
