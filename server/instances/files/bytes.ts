// The bytes of a file, to and from a descriptor, no faster than they are taken.
import { close, read, writev } from "node:fs";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

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

/** Bytes that may wait to be written before their source is paused. */
const mostWaiting = 2 * 1024 * 1024;

function writeSome(fd: number, parts: readonly Buffer[]): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(fd, parts, (error, count) => (error ? reject(error) : resolve(count)));
  });
}

/** What is left of parts of which the first `count` bytes are done. */
function without(parts: readonly Buffer[], count: number): Buffer[] {
  let left = count;
  const rest: Buffer[] = [];
  for (const part of parts) {
    if (left < part.length) rest.push(part.subarray(left));
    left = Math.max(0, left - part.length);
  }
  return rest;
}

/** Writes all that comes, as much at once as came meanwhile; `onWritten` is told how many bytes are in the file. */
export async function writeBytes(fd: number, bytes: Readable, onWritten: (count: number) => void): Promise<void> {
  const writeAll = async (given: readonly Buffer[]) => {
    for (let parts = given; parts.length > 0; ) {
      const count = await writeSome(fd, parts);
      onWritten(count);
      parts = without(parts, count);
    }
  };
  const file = new Writable({
    highWaterMark: mostWaiting,
    write: (part: Buffer, _encoding, done) => void writeAll([part]).then(() => done(), done),
    writev: (waiting, done) => void writeAll(waiting.map(({ chunk }) => chunk as Buffer)).then(() => done(), done),
  });
  await pipeline(bytes, file);
}
