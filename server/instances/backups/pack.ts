// Packs folders of rooms into one tarball, one after the other, and compresses it on its way to a file.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Writable } from "node:stream";
import { hasCode } from "../../host/libc.ts";
import { TarWalk } from "../../../images/tar-walk.ts";
import type { Lent } from "../../storage/driver.ts";
import { ending, programError, startFilter, startReader } from "../../storage/programs.ts";
import { compressor } from "./compression.ts";

const pack = ["tar", "--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime", "--numeric-owner", "--acls", "--xattrs", "--xattrs-include=user.*",
  "--xattrs-include=security.capability", "--sparse", "--warning=no-file-ignored", "--warning=no-file-changed", "--warning=no-file-removed", "-cf", "-", "--"];

export class Packer {
  readonly #target: Writable;
  readonly #compressor: ChildProcess | undefined;
  readonly #done: Promise<void>;
  readonly #file: string;
  readonly #signal: AbortSignal;

  /** `file` is written to from its beginning. */
  constructor(handle: FileHandle, file: string, algorithm: string, signal: AbortSignal) {
    const command = compressor(algorithm);
    this.#file = file;
    this.#signal = signal;
    if (!command) {
      this.#target = createWriteStream(file, { fd: handle.fd, autoClose: false, highWaterMark: 1 << 20 });
      this.#done = once(this.#target, "finish").then(() => {});
    } else {
      const [tool] = command;
      this.#compressor = startFilter(command, ["pipe", handle.fd, "pipe"]);
      this.#target = this.#compressor.stdin as Writable;
      this.#done = ending(tool, this.#compressor, signal).then((end) => {
        if (end.code !== 0) throw programError(tool, end, file);
      });
    }
    this.#target.on("error", () => {}); // the end tells
    this.#done.catch(() => {});
  }

  /** Adds a folder of a room with all that is in it. */
  async add(lent: Lent, folder: string, count: (bytes: number) => void): Promise<void> {
    const child = startReader(lent, [...pack, folder], ["ignore", "pipe", "pipe"]);
    const end = ending("tar", child, this.#signal);
    end.catch(() => {});
    const walk = new TarWalk();
    let held: Buffer = Buffer.alloc(0);
    let written = 0;
    try {
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        if (walk.hasEnded) continue; // zeros to fill its last record
        held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
        let until: number | undefined;
        for (const step of walk.feed(chunk)) if (step.kind === "end") until = step.at;
        const bytes = held.subarray(0, (until ?? walk.settled) - written);
        held = held.subarray(bytes.length);
        written += bytes.length;
        count(bytes.length);
        if (bytes.length > 0) await this.#write(bytes);
      }
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
    const ended = await end;
    const good = ended.code === 0 || ended.code === 1; // 1: a file changed as it was read
    if (!good) throw programError("tar", ended, this.#file);
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#target.errored) throw this.#target.errored;
    if (!this.#target.write(bytes)) await once(this.#target, "drain", { signal: this.#signal });
  }

  /** Ends the tarball. Throws what went wrong. */
  async finish(): Promise<void> {
    await this.#write(Buffer.alloc(1024));
    this.#target.end();
    await this.#done;
  }

  /** Lets go of it after an error; gives the error that was behind it, or that one. */
  async abandon(error: unknown): Promise<unknown> {
    if (this.#compressor && hasCode(error, "EPIPE")) return this.#done.then(() => error, (cause: unknown) => cause);
    this.#target.destroy();
    this.#compressor?.kill("SIGKILL");
    await this.#done.catch(() => {});
    return this.#signal.aborted ? this.#signal.reason : error;
  }
}
