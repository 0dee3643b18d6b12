// The bytes of a file, to and from a descriptor, no faster than they are taken.
import { close, read, write } from "node:fs";
import { Readable } from "node:stream";

const chunk = 512 * 1024;

/** Reads exactly `size` bytes; one that became shorter meanwhile breaks off. Closes the descriptor. */
export class FileBytes extends Readable {
  readonly #fd: number;
  #left: number;
  #whenIdle: (() => void) | undefined;
  #isReading = false;

  constructor(fd: number, size: number) {
    super({ highWaterMark: chunk });
    this.#fd = fd;
    this.#left = size;
  }

  override _read(): void {
    if (this.#left === 0) return void this.push(null);
    const buffer = Buffer.allocUnsafe(Math.min(chunk, this.#left));
    this.#isReading = true;
    read(this.#fd, buffer, 0, buffer.length, null, (error, count) => {
      this.#isReading = false;
      if (this.#whenIdle) return this.#whenIdle();
      if (error) return void this.destroy(error);
      if (count === 0) return void this.destroy(new Error("the file became shorter while it was read"));
      this.#left -= count;
      this.push(buffer.subarray(0, count));
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const end = () => close(this.#fd, () => done(error));
    if (this.#isReading) this.#whenIdle = end;
    else end();
  }
}

function writeSome(fd: number, bytes: Buffer, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, offset, bytes.length - offset, null, (error, count) => (error ? reject(error) : resolve(count)));
  });
}

/** Writes all that comes; `onWritten` is told how many bytes are in the file. */
export async function writeBytes(fd: number, bytes: AsyncIterable<Buffer>, onWritten: (count: number) => void): Promise<void> {
  for await (const part of bytes) {
    for (let done = 0; done < part.length; ) {
      const count = await writeSome(fd, part, done);
      done += count;
      onWritten(count);
    }
  }
}
