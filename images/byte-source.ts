// Reading a tarball front to back: a plain file by its offsets (skipping costs nothing), a compressed
// one from a decompressor, which is simply cut off when enough was read.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
import { fail } from "../server/api/errors.ts";
import { childEnv, lastWords, spawnError } from "../server/host/run.ts";
import { decompressor, type ImageFormat } from "./compression.ts";

export interface ByteSource extends AsyncDisposable {
  /** The next bytes; fewer than asked for only at the end. */
  read(length: number): Promise<Buffer>;
  /** Passes over bytes; false when the data ends before. */
  skip(length: number): Promise<boolean>;
}

class FileSource implements ByteSource {
  private position = 0;
  private readonly file: FileHandle;
  private readonly size: number;

  constructor(file: FileHandle, size: number) {
    this.file = file;
    this.size = size;
  }

  async read(length: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.file.read(Buffer.allocUnsafe(length), 0, length, this.position);
    this.position += bytesRead;
    return buffer.subarray(0, bytesRead);
  }

  async skip(length: number): Promise<boolean> {
    this.position += length;
    return this.position <= this.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file.close();
  }
}

class ChildSource implements ByteSource {
  private pending: Buffer = Buffer.alloc(0);
  private words = "";
  private failure: unknown;
  private readonly tool: string;
  private readonly child: ChildProcess;
  private readonly chunks: AsyncIterator<Buffer>;
  private readonly closed: Promise<unknown>;

  constructor(tool: string, args: readonly string[], file: FileHandle) {
    this.tool = tool;
    this.child = spawn(tool, args, { cwd: "/", env: childEnv(), stdio: [file.fd, "pipe", "pipe"] });
    this.child.on("error", (cause) => { this.failure = cause; });
    this.child.stderr?.on("data", (chunk: Buffer) => { this.words = (this.words + chunk.toString()).slice(-4096); });
    // Node throws away what nobody listens for when the child ends before the first read
    this.child.stdout?.on("readable", () => {});
    this.chunks = (this.child.stdout as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    this.closed = once(this.child, "close").catch(() => {});
  }

  /** Gets one more chunk; false at the end of whole data. */
  private async fill(): Promise<boolean> {
    const next = await this.chunks.next();
    if (!next.done) {
      this.pending = this.pending.length === 0 ? next.value : Buffer.concat([this.pending, next.value]);
      return true;
    }
    await this.closed;
    if (this.failure) throw spawnError(this.tool, this.failure);
    if (this.child.exitCode === 0) return false;
    const reason = lastWords(this.words, 1) || `${this.tool} ended with ${this.child.exitCode ?? this.child.signalCode}`;
    throw fail("image_broken", { reason: `it cannot be decompressed: ${reason}` });
  }

  async read(length: number): Promise<Buffer> {
    while (this.pending.length < length && await this.fill());
    const bytes = this.pending.subarray(0, length);
    this.pending = this.pending.subarray(bytes.length);
    return bytes;
  }

  async skip(length: number): Promise<boolean> {
    let left = length;
    while (left > this.pending.length) {
      left -= this.pending.length;
      this.pending = this.pending.subarray(this.pending.length);
      if (!await this.fill()) return false;
    }
    this.pending = this.pending.subarray(left);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    this.child.stdout?.destroy();
    await this.closed;
  }
}

/** Opens a tarball of that format for reading its decompressed bytes. */
export async function openSource(path: string, format: ImageFormat): Promise<ByteSource> {
  const file = await open(path, "r");
  const command = decompressor(format);
  if (!command) return new FileSource(file, (await file.stat()).size);
  try {
    return new ChildSource(command[0], command.slice(1), file);
  } finally {
    await file.close(); // the child has its own copy
  }
}
