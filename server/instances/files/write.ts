// Writing: files, symbolic links, directories. Owner and mode are those of the request for what is new; what exists
// keeps its own.
import { chmodSync, chownSync, closeSync, constants, fchmodSync, fchownSync, fstatSync, ftruncateSync, lchownSync, mkdirSync, open, readlinkSync, symlinkSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { BerthError, fail } from "../../api/errors.ts";
import type { Requestor } from "../../api/events.ts";
import type { Context } from "../../context.ts";
import { asContainerRoot } from "../../host/as-container-root.ts";
import { hasCode, openat2, RESOLVE } from "../../host/libc.ts";
import { rootIds } from "../../lxc/idmap.ts";
import type { InstanceRecord } from "../store.ts";
import { instanceUrl } from "../view.ts";
import { writeBytes } from "./bytes.ts";
import { assertOnDisk, existingType, typeOf, withEntry, withPlace } from "./entry.ts";
import { explained } from "./explain.ts";
import { type FileHeaders, hostOwner, parseHeaders } from "./request.ts";
import { type GuestRoot, withRoot } from "./root.ts";
import { walk } from "./walk.ts";

const openFile = promisify(open);
const careful = constants.O_NONBLOCK | constants.O_NOCTTY;
const longestTarget = 4096;

function asRootOf<T>({ map }: GuestRoot, work: () => T): T {
  const { uid, gid } = rootIds(map);
  return asContainerRoot(uid, gid, work);
}

/** Throws ENOENT when there is none. */
function openExisting(root: GuestRoot, guestPath: string, append: boolean): Promise<number> {
  return withEntry(root, guestPath, true, async (entry) => {
    if (entry.type === "directory") throw fail("file_refused", { path: guestPath, reason: "is a directory" });
    assertOnDisk(entry.fd, guestPath);
    // The very thing that was looked at; asynchronously, as an overlay may copy it now.
    return openFile(`/proc/self/fd/${entry.fd}`, constants.O_WRONLY | careful | (append ? constants.O_APPEND : constants.O_TRUNC));
  });
}

/** Through a link that leads nowhere, too: then the file is made where it points, inside the root. */
function createFile(root: GuestRoot, guestPath: string, headers: FileHeaders): Promise<number> {
  return walk(root, guestPath, true, async ({ folder, name }) => createIn(root, folder, name, guestPath, headers));
}

function createIn(root: GuestRoot, folder: number, name: string, guestPath: string, headers: FileHeaders): number {
  const owner = hostOwner(root.map, headers, guestPath);
  const how = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | careful;
  const fd = asRootOf(root, () => openat2(folder, name, how, 0o600, RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS | RESOLVE.NO_XDEV));
  try {
    const stats = fstatSync(fd);
    if (typeOf(stats, guestPath) !== "file") throw fail("file_refused", { path: guestPath, reason: "not a file" });
    assertOnDisk(fd, guestPath);
    if (stats.uid === rootIds(root.map).uid && stats.size === 0 && stats.nlink === 1) {
      fchownSync(fd, owner.uid, owner.gid);
      fchmodSync(fd, headers.mode ?? 0o644);
    } else {
      ftruncateSync(fd, 0); // something else made it at the same time: it keeps what it has
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

async function openForWriting(root: GuestRoot, guestPath: string, headers: FileHeaders): Promise<number> {
  try {
    return await openExisting(root, guestPath, headers.append);
  } catch (error) {
    if (headers.append || !hasCode(error, "ENOENT")) throw error;
    return createFile(root, guestPath, headers);
  }
}

/** What arrived before a failure is in the file. */
async function writeContent(root: GuestRoot, guestPath: string, headers: FileHeaders, body: Readable): Promise<void> {
  const fd = await openForWriting(root, guestPath, headers);
  let written = 0;
  try {
    await writeBytes(fd, body, (count) => {
      written += count;
    });
  } catch (cause) {
    if (body.destroyed && hasCode(cause, "ECONNRESET")) throw fail("bad_request", { reason: "The request ended before the file did" }, cause);
    if (!hasCode(cause, "ENOSPC", "EDQUOT")) throw cause;
    const hint = `${written} bytes were written and are there. Free some space, then try again.`;
    throw new BerthError("disk_full", { path: guestPath }, { cause, hint });
  } finally {
    closeSync(fd);
  }
}

async function collectTarget(guestPath: string, body: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > longestTarget) throw fail("file_refused", { path: guestPath, reason: "the target of the link is too long" });
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Nothing happens when the same link is there. */
function createSymlink(root: GuestRoot, guestPath: string, headers: FileHeaders, target: string): Promise<void> {
  if (target === "" || target.includes("\0")) throw fail("file_refused", { path: guestPath, reason: "the target of the link is not a path" });
  const owner = hostOwner(root.map, headers, guestPath);
  return withPlace(root, guestPath, async (place) => {
    try {
      asRootOf(root, () => symlinkSync(target, place.path));
    } catch (error) {
      if (hasCode(error, "EEXIST") && place.stats().isSymbolicLink() && readlinkSync(place.path) === target) return;
      throw error;
    }
    lchownSync(place.path, owner.uid, owner.gid);
  });
}

/** Nothing happens when it is there. */
async function createDirectory(root: GuestRoot, guestPath: string, headers: FileHeaders): Promise<void> {
  const existing = await existingType(root, guestPath);
  if (existing === "directory") return;
  if (existing) throw fail("file_refused", { path: guestPath, reason: "not a directory" });
  const owner = hostOwner(root.map, headers, guestPath);
  await withPlace(root, guestPath, async (place) => {
    try {
      asRootOf(root, () => mkdirSync(place.path, { mode: 0o700 }));
    } catch (error) {
      if (hasCode(error, "EEXIST") && place.stats().isDirectory()) return; // another request was faster
      throw error;
    }
    const fd = openat2(place.fd, place.name, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW, 0, RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS);
    try {
      chownSync(`/proc/self/fd/${fd}`, owner.uid, owner.gid);
      chmodSync(`/proc/self/fd/${fd}`, headers.mode ?? 0o750);
    } finally {
      closeSync(fd);
    }
  });
}

/** Throws `file_not_found` (its directory, or a file to append to), `file_special`, `file_refused` or `disk_full`. */
export async function writeFile(ctx: Context, instance: InstanceRecord, guestPath: string, given: IncomingHttpHeaders, body: Readable, requestor: Requestor): Promise<void> {
  const headers = parseHeaders(given);
  await explained(guestPath, () => withRoot(ctx, instance, async (root) => {
    if (headers.type === "file") await writeContent(root, guestPath, headers, body);
    else if (headers.type === "directory") await createDirectory(root, guestPath, headers);
    else await createSymlink(root, guestPath, headers, await collectTarget(guestPath, body));
  }));
  ctx.events.lifecycle({ action: "instance-file-pushed", source: instanceUrl(instance), requestor, context: { path: guestPath } }, instance.project);
}
