// SFTP version 3 on a connection: requests become calls on the guest's files, errors become statuses.
import { fsyncSync } from "node:fs";
import type { Duplex } from "node:stream";
import { BerthError } from "../api/errors.ts";
import { type Attributes, GuestFiles } from "./files.ts";
import { makeServer, type SftpServer } from "./protocol.ts";

const OK = 0;
const END_OF_FILE = 1;
const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;
const FAILURE = 4;
const UNSUPPORTED = 8;

/** Bytes of one answer to READ, and entries of one to READDIR. */
const mostRead = 256 * 1024;
const mostNames = 128;
const mostHandles = 1024;

const flag = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 };

type Handle = { fd: number; append: boolean } | { names: { name: string; attributes: Attributes }[] };

function statusOf(error: unknown): number {
  const { code } = error as { code?: unknown };
  if (code === "ENOENT" || code === "ENOTDIR") return NO_SUCH_FILE;
  if (code === "EACCES" || code === "EPERM" || error instanceof BerthError) return PERMISSION_DENIED;
  return FAILURE;
}

/** A line as `ls -l` has it: some clients show it. */
function longName(name: string, { mode = 0, uid = 0, gid = 0, size = 0 }: Attributes): string {
  const kinds: Record<number, string> = { 9604: "d", 21609: "l", 2401: "p", 26411: "s", 4802: "c", 14406: "b" };
  const bits = [..."rwxrwxrwx"].map((letter, i) => (mode & (1 << (8 - i)) ? letter : "-")).join("");
  return `${kinds[mode & 0o170000] ?? "-"}${bits} 1 ${uid} ${gid} ${size} Jan 1 1970 ${name}`;
}

/** Serves a client until the connection ends. */
export function serveRequests(connection: Duplex, files: GuestFiles): void {
  const sftp = makeServer(connection);
  const handles = new Map<number, Handle>();
  let last = 0;

  const keep = (handle: Handle): Buffer => {
    if (handles.size >= mostHandles) throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
    handles.set(++last, handle);
    const name = Buffer.alloc(4);
    name.writeUInt32BE(last);
    return name;
  };
  const get = (name: Buffer): Handle => {
    const handle = name.length === 4 ? handles.get(name.readUInt32BE()) : undefined;
    if (!handle) throw Object.assign(new Error("no such handle"), { code: "EBADF" });
    return handle;
  };
  const getFile = (name: Buffer) => {
    const handle = get(name);
    if (!("fd" in handle)) throw Object.assign(new Error("a directory"), { code: "EISDIR" });
    return handle;
  };
  /** Answers a request with what `work` gives, or with why it failed. */
  const on = (request: string, work: (id: number, ...args: never[]) => unknown) => {
    sftp.on(request, (id: number, ...args: unknown[]) => {
      try {
        if (work(id, ...(args as never[])) !== answered) sftp.status(id, OK);
      } catch (error) {
        sftp.status(id, statusOf(error), (error as Error).message);
      }
    });
  };

  on("OPEN", (id, path: string, bits: number, given: Attributes) => {
    const wish = Object.fromEntries(Object.entries(flag).map(([name, bit]) => [name, (bits & bit) !== 0])) as Record<keyof typeof flag, boolean>;
    const fd = files.open(path, wish, given);
    try {
      return answer(sftp.handle(id, keep({ fd, append: wish.append })));
    } catch (error) {
      files.close(fd);
      throw error;
    }
  });
  on("CLOSE", (_id, name: Buffer) => {
    const handle = get(name);
    handles.delete(name.readUInt32BE());
    if ("fd" in handle) files.close(handle.fd);
  });
  on("READ", (id, name: Buffer, offset: number, length: number) => {
    const data = files.read(getFile(name).fd, offset, Math.min(length, mostRead));
    return answer(data.length === 0 && length > 0 ? sftp.status(id, END_OF_FILE) : sftp.data(id, data));
  });
  on("WRITE", (_id, name: Buffer, offset: number, data: Buffer) => files.write(getFile(name).fd, offset, data));
  on("LSTAT", (id, path: string) => answer(sftp.attrs(id, files.look(path, false))));
  on("STAT", (id, path: string) => answer(sftp.attrs(id, files.look(path, true))));
  on("FSTAT", (id, name: Buffer) => answer(sftp.attrs(id, files.lookAt(getFile(name).fd))));
  on("SETSTAT", (_id, path: string, given: Attributes) => files.changeAt(path, given));
  on("FSETSTAT", (_id, name: Buffer, given: Attributes) => files.change(getFile(name).fd, given));
  on("OPENDIR", (id, path: string) => answer(sftp.handle(id, keep({ names: files.list(path) }))));
  on("READDIR", (id, name: Buffer) => {
    const handle = get(name);
    const some = "names" in handle ? handle.names.splice(0, mostNames) : [];
    if (some.length === 0) return answer(sftp.status(id, END_OF_FILE));
    return answer(sftp.name(id, some.map(({ name: filename, attributes }) => ({ filename, longname: longName(filename, attributes), attrs: attributes }))));
  });
  on("REMOVE", (_id, path: string) => files.remove(path));
  on("MKDIR", (_id, path: string, given: Attributes) => files.makeFolder(path, given));
  on("RMDIR", (_id, path: string) => files.removeFolder(path));
  on("REALPATH", (id, path: string) => {
    const real = files.realPath(path);
    return answer(sftp.name(id, [{ filename: real, longname: real, attrs: {} }]));
  });
  on("RENAME", (_id, from: string, to: string) => files.rename(from, to));
  on("READLINK", (id, path: string) => {
    const target = files.target(path);
    return answer(sftp.name(id, [{ filename: target, longname: target, attrs: {} }]));
  });
  on("SYMLINK", (_id, link: string, target: string) => files.symlink(target, link));
  on("EXTENDED", (id, name: string, data: Buffer | undefined) => {
    const extension = Object.hasOwn(extensions, name) ? extensions[name] : undefined;
    if (!extension) return answer(sftp.status(id, UNSUPPORTED));
    return extension(new Fields(data ?? Buffer.alloc(0)), (handle) => getFile(handle).fd);
  });

  /** Of OpenSSH's; protocol.ts announces them. */
  const extensions: Record<string, (fields: Fields, fdOf: (handle: Buffer) => number) => void> = {
    "posix-rename@openssh.com": (fields) => files.rename(fields.text(), fields.text()),
    "hardlink@openssh.com": (fields) => files.link(fields.text(), fields.text()),
    "fsync@openssh.com": (fields, fdOf) => fsyncSync(fdOf(fields.bytes())),
    "lsetstat@openssh.com": (fields) => files.changeLink(fields.text(), fields.attributes()),
  };
}

/** Takes the data of an extended request apart. Throws when it is too short. */
class Fields {
  #rest: Buffer;

  constructor(data: Buffer) {
    this.#rest = data;
  }

  number(): number {
    const value = this.#rest.readUInt32BE();
    this.#rest = this.#rest.subarray(4);
    return value;
  }

  bytes(): Buffer {
    const length = this.number();
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return bytes;
  }

  text(): string {
    return this.bytes().toString("utf8");
  }

  /** Owner, mode and times; a size is skipped. */
  attributes(): Attributes {
    const bits = this.number();
    if (bits & 1) this.#rest = this.#rest.subarray(8);
    return {
      ...(bits & 2 ? { uid: this.number(), gid: this.number() } : {}),
      ...(bits & 4 ? { mode: this.number() } : {}),
      ...(bits & 8 ? { atime: this.number(), mtime: this.number() } : {}),
    };
  }
}

const answered = Symbol("answered");

/** Marks a request that has had its answer. */
function answer(_sent: unknown): typeof answered {
  return answered;
}

export type { SftpServer };
