// Packs folders of rooms into one tarball, one after the other, and compresses it on its way to a file.
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { compressorOf } from "../../../images/compressor.ts";
import { TarWalk } from "../../../images/tar-walk.ts";
import type { Lent } from "../../storage/driver.ts";
import { ending, programError, startReader } from "../../storage/programs.ts";

const pack = ["tar", "--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime", "--numeric-owner", "--acls", "--xattrs", "--xattrs-include=user.*",
  "--xattrs-include=security.capability", "--sparse", "--warning=no-file-ignored", "--warning=no-file-changed", "--warning=no-file-removed", "-cf", "-", "--"];

export class Packer {
  readonly #tarball = new PassThrough({ highWaterMark: 1 << 20 });
  readonly #done: Promise<void>;
  readonly #file: string;
  readonly #signal: AbortSignal;

  /** `file` must not be there. */
  constructor(file: string, algorithm: string, signal: AbortSignal) {
    this.#file = file;
    this.#signal = signal;
    const compressed = Readable.from(compressorOf(algorithm)(this.#tarball, signal), { objectMode: false, highWaterMark: 1 << 20 });
    this.#done = pipeline(compressed, createWriteStream(file, { flags: "wx", mode: 0o600, highWaterMark: 1 << 20 }), { signal });
    this.#done.catch((error) => this.#tarball.destroy(error));
    this.#tarball.on("error", () => {}); // the end tells
  }

  /** Adds a folder of a room with all that is in it, or a file. */
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
    if (this.#tarball.errored) throw this.#tarball.errored;
    if (!this.#tarball.write(bytes)) await once(this.#tarball, "drain", { signal: this.#signal });
  }

  /** Ends the tarball, and sees to it that it is on the disk. Throws what went wrong. */
  async finish(): Promise<void> {
    await this.#write(Buffer.alloc(1024));
    this.#tarball.end();
    await this.#done;
    await using written = await open(this.#file, "r");
    await written.sync();
  }

  /** Lets go of it after an error; gives the one that is to be told. */
  async abandon(error: unknown): Promise<unknown> {
    this.#tarball.destroy();
    await this.#done.catch(() => {});
    return this.#signal.aborted ? this.#signal.reason : error;
  }
}
