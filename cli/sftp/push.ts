// Pushing a tree of files: directories first, then everything in them, many requests on the way at once.
import { closeSync, openSync, readlinkSync, readSync, type Stats } from "node:fs";
import type { Attributes, SFTPWrapper } from "ssh2";
import { CliError } from "../errors.ts";
import { call } from "./call.ts";

export interface PushItem {
  /** On this machine. */
  source: string;
  /** In the instance. */
  path: string;
  stats: Stats;
}

const chunk = 252 * 1024;
const mostAtOnce = 48;

const about = ({ uid, gid, mode }: Stats) => ({ uid, gid, mode: mode & 0o7777 });

/** Directories must come before what is in them. `tell` hears of each file, and of its bytes as they are sent. */
export async function pushItems(sftp: SFTPWrapper, directories: readonly PushItem[], others: readonly PushItem[], tell: (item: PushItem, bytes: number) => void): Promise<void> {
  await inParallel(directories, (item) => makeDirectory(sftp, item));
  await inParallel(others, (item) => (item.stats.isSymbolicLink() ? pushLink(sftp, item) : pushFile(sftp, item, (bytes) => tell(item, bytes))));
}

/** The server answers in order: a directory is there before what comes after it. */
async function makeDirectory(sftp: SFTPWrapper, { path, stats }: PushItem): Promise<void> {
  try {
    await call(path, (done) => sftp.mkdir(path, about(stats), done as never));
  } catch (error) {
    const existing = await call<Attributes & { isDirectory(): boolean }>(path, (done) => sftp.stat(path, done as never)).catch(() => undefined);
    if (existing?.isDirectory()) return;
    if (existing) throw new CliError(`${path} is not a directory`);
    throw error;
  }
}

async function pushLink(sftp: SFTPWrapper, { source, path, stats }: PushItem): Promise<void> {
  const target = readlinkSync(source);
  try {
    await call(path, (done) => sftp.symlink(target, path, done as never));
  } catch (error) {
    if ((await call(path, (done) => sftp.readlink(path, done)).catch(() => undefined)) === target) return;
    throw error;
  }
  const owner = sftp as unknown as { ext_openssh_lsetstat(path: string, attributes: object, done: unknown): void };
  await call(path, (done) => owner.ext_openssh_lsetstat(path, { uid: stats.uid, gid: stats.gid }, done));
}

async function pushFile(sftp: SFTPWrapper, item: PushItem, tell: (bytes: number) => void): Promise<void> {
  const { path, source } = item;
  const fd = openSource(source);
  try {
    const handle = await call<Buffer>(path, (done) => sftp.open(path, "w", about(item.stats), done));
    const waiting: Promise<unknown>[] = [];
    for (let offset = 0; ; ) {
      const left = item.stats.size - offset;
      const buffer = Buffer.allocUnsafe(left < 0 ? chunk : Math.min(chunk, left + 1)); // one more than there was: the end shows in the same call
      const count = readSync(fd, buffer, 0, buffer.length, offset);
      const at = offset;
      if (count > 0) waiting.push(call(path, (done) => sftp.write(handle, buffer, 0, count, at, done as never)));
      offset += count;
      tell(count);
      if (count < buffer.length) break;
      if (waiting.length > 16) await waiting.shift();
    }
    waiting.push(call(path, (done) => sftp.close(handle, done as never)));
    await Promise.all(waiting);
  } finally {
    closeSync(fd);
  }
}

function openSource(source: string): number {
  try {
    return openSync(source, "r");
  } catch (cause) {
    throw new CliError(`open ${source}: ${(cause as NodeJS.ErrnoException).code === "EACCES" ? "permission denied" : (cause as Error).message}`, { cause });
  }
}

/** Runs work on all items, many at once and begun in order; the first failure ends it. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failure: unknown;
  const worker = async () => {
    while (next < items.length && failure === undefined) {
      await work(items[next++] as T).catch((error) => {
        failure ??= error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(mostAtOnce, items.length) }, worker));
  if (failure !== undefined) throw failure;
}
