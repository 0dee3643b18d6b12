// Pulling a tree of files. The guest may change it meanwhile: nothing of this machine's is followed or overwritten but files.
import { chmodSync, closeSync, existsSync, fchmodSync, lstatSync, mkdirSync, openSync, symlinkSync, unlinkSync, writeSync } from "node:fs";
import { join, posix } from "node:path";
import type { Attributes, FileEntryWithStats, SFTPWrapper } from "ssh2";
import { CliError } from "../errors.ts";
import { call } from "./call.ts";
import { inParallel } from "./push.ts";

const chunk = 252 * 1024;
const kindOf = (mode: number) => mode & 0o170000;

interface PullItem {
  path: string;
  target: string;
  attributes: Attributes;
}

/** Pulls the directory `path` as the new or existing directory `target`. `tell` hears of each file's bytes as they come. */
export async function pullDirectory(sftp: SFTPWrapper, path: string, target: string, tell: (path: string, bytes: number) => void): Promise<void> {
  let level: PullItem[] = [{ path, target, attributes: await call(path, (done) => sftp.lstat(path, done)) }];
  const modes: PullItem[] = [];
  while (level.length > 0) {
    const next: PullItem[] = [];
    await inParallel(level, async (item) => {
      const kind = kindOf(item.attributes.mode);
      if (kind === 0o040000) {
        makeDirectory(item.target);
        modes.push(item);
        next.push(...(await entriesOf(sftp, item)));
      } else if (kind === 0o120000) {
        symlinkSync(await call(item.path, (done) => sftp.readlink(item.path, done)), item.target);
      } else if (kind === 0o100000) {
        await pullFile(sftp, item, (bytes) => tell(item.path, bytes));
      } else {
        throw new CliError(`'${item.path}' isn't a supported file type`);
      }
    });
    level = next;
  }
  for (const { target: directory, attributes } of modes.reverse()) chmodSync(directory, attributes.mode & 0o777);
}

function makeDirectory(target: string): void {
  if (existsSync(target) && !lstatSync(target).isDirectory()) throw new CliError(`${target} is in the way`);
  mkdirSync(target, { mode: 0o700, recursive: true });
}

async function entriesOf(sftp: SFTPWrapper, { path, target }: PullItem): Promise<PullItem[]> {
  const entries = await call<FileEntryWithStats[]>(path, (done) => sftp.readdir(path, done));
  return entries.map(({ filename, attrs }) => {
    if (filename === "" || filename === "." || filename === ".." || filename.includes("/")) throw new CliError(`The server named a file "${filename}"`);
    return { path: posix.join(path, filename), target: join(target, filename), attributes: attrs };
  });
}

/** A new file, in the place of one that may be there. */
function openNew(target: string): number {
  try {
    return openSync(target, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  if (!lstatSync(target).isFile()) throw new CliError(`${target} is in the way`);
  unlinkSync(target);
  return openSync(target, "wx", 0o600);
}

async function pullFile(sftp: SFTPWrapper, { path, target, attributes }: PullItem, tell: (bytes: number) => void): Promise<void> {
  const handle = await call<Buffer>(path, (done) => sftp.open(path, "r", done));
  const fd = openNew(target);
  try {
    for (let offset = 0; offset < attributes.size; ) {
      const wanted = Math.min(8, Math.ceil((attributes.size - offset) / chunk));
      const parts = await Promise.all(Array.from({ length: wanted }, (_, i) => readPart(sftp, path, handle, offset + i * chunk, attributes.size)));
      let count = 0;
      for (const [i, part] of parts.entries()) count += writeSync(fd, part, 0, part.length, offset + i * chunk);
      tell(count);
      if (parts.some((part) => part.length < chunk)) break; // the end, which may have moved meanwhile
      offset += count;
    }
    fchmodSync(fd, attributes.mode & 0o777);
  } finally {
    closeSync(fd);
    await call(path, (done) => sftp.close(handle, done as never));
  }
}

/** As much as there is; empty at the end. */
async function readPart(sftp: SFTPWrapper, path: string, handle: Buffer, offset: number, size: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(chunk, size - offset));
  const read = (done: (error: Error | null | undefined, count: number) => void) =>
    sftp.read(handle, buffer, 0, buffer.length, offset, (error, count) => ((error as { code?: number } | undefined)?.code === 1 ? done(undefined, 0) : done(error, count)));
  return buffer.subarray(0, await call<number>(path, read));
}
