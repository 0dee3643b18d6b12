// Reading: the bytes of a file, where a symbolic link points, the names in a directory.
import { constants, fstatSync, open } from "node:fs";
import { readdir, readlink } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { syncEnvelope } from "../../api/envelope.ts";
import type { Requestor } from "../../api/events.ts";
import type { Context } from "../../context.ts";
import type { RawReply } from "../../http/replies.ts";
import type { InstanceRecord } from "../store.ts";
import { instanceUrl } from "../view.ts";
import { FileBytes } from "./bytes.ts";
import { assertOnDisk, type Entry, withEntry, withPlace } from "./entry.ts";
import { explained } from "./explain.ts";
import { guestOwner } from "./request.ts";
import { type GuestRoot, withRoot } from "./root.ts";

const openFile = promisify(open);

/** As Go prints a time. */
const goTime = (time: Date) => `${time.toISOString().slice(0, 19).replace("T", " ")} +0000 UTC`;

/** A header holds bytes: UTF-8 goes as it is, what would end it does not. */
const disposition = (name: string) => `inline;filename="${Buffer.from(name.replace(/["\\\0-\x1f\x7f]/g, "_")).toString("latin1")}"`;

function headersOf(root: GuestRoot, { stats, type }: Entry): Record<string, string> {
  const { uid, gid } = guestOwner(root.map, stats);
  return {
    "x-lxd-uid": String(uid),
    "x-lxd-gid": String(gid),
    "x-lxd-mode": (stats.mode & 0o777).toString(8).padStart(4, "0"),
    "x-lxd-modified": goTime(stats.mtime),
    "x-lxd-type": type,
  };
}

async function bytesOf(entry: Entry, guestPath: string): Promise<{ size: number; body: RawReply["body"] }> {
  assertOnDisk(entry.fd, guestPath);
  // The very thing that was looked at. O_NONBLOCK: a guest's lease does not keep the daemon waiting.
  const fd = await openFile(`/proc/self/fd/${entry.fd}`, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  const { size } = fstatSync(fd);
  return { size, body: new FileBytes(fd, size) };
}

/** Absolute, by its names alone: it need not lead anywhere. */
async function targetOf(root: GuestRoot, guestPath: string): Promise<Buffer> {
  const target = await withPlace(root, guestPath, (place) => readlink(place.path));
  return Buffer.from(path.posix.resolve("/", path.posix.dirname(guestPath), target));
}

async function readEntry(root: GuestRoot, entry: Entry, guestPath: string): Promise<RawReply> {
  const headers = headersOf(root, entry);
  if (entry.type === "directory") {
    const names = await readdir(`/proc/self/fd/${entry.fd}`);
    return { headers: { ...headers, "content-type": "application/json" }, body: Buffer.from(`${JSON.stringify(syncEnvelope(names.sort()))}\n`) };
  }
  const target = entry.type === "symlink" ? await targetOf(root, guestPath) : undefined;
  const { size, body } = target ? { size: target.length, body: target } : await bytesOf(entry, guestPath);
  return {
    headers: {
      ...headers, "content-type": "application/octet-stream", "content-length": String(size),
      "content-disposition": disposition(path.posix.basename(guestPath)), "last-modified": entry.stats.mtime.toUTCString(),
    },
    body,
  };
}

/** Throws `file_not_found`, `file_special` or `file_refused`. */
export async function readFile(ctx: Context, instance: InstanceRecord, guestPath: string, requestor: Requestor): Promise<RawReply> {
  const reply = await explained(guestPath, () => withRoot(ctx, instance, (root) =>
    withEntry(root, guestPath, false, (entry) => readEntry(root, entry, guestPath))));
  ctx.events.lifecycle({ action: "instance-file-retrieved", source: instanceUrl(instance), requestor, context: { path: guestPath } }, instance.project);
  return reply;
}

/** The headers that `readFile` would give. */
export function readFileHead(ctx: Context, instance: InstanceRecord, guestPath: string): Promise<RawReply> {
  return explained(guestPath, () => withRoot(ctx, instance, (root) => withEntry(root, guestPath, false, async (entry) => ({
    headers: {
      ...headersOf(root, entry),
      ...(entry.type === "file" ? { "content-type": "application/octet-stream", "content-length": String(entry.stats.size) } : {}),
    },
    body: Buffer.alloc(0),
  }))));
}
