// Writes to a file descriptor without loading Node's streams, and waits when the reader is slow.
import { writeSync, writev } from "node:fs";
import { BrokenPipe } from "../errors.ts";

const retryAfter = 5;

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

/** Writes all of it before it returns. Throws BrokenPipe when nobody reads. */
export function writeNow(fd: number, data: string | Uint8Array): void {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      if (isCode(error, "EPIPE")) throw new BrokenPipe();
      if (!isCode(error, "EAGAIN")) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryAfter);
    }
  }
}

/** Like `writeNow`, but other work goes on meanwhile. Several parts go in one call. */
export async function writeAll(fd: number, ...parts: Uint8Array[]): Promise<void> {
  let left = parts.filter(({ length }) => length > 0);
  while (left.length > 0) left = without(left, await writeSome(fd, left.slice(0, mostParts)));
}

/** The kernel takes no more parts at once (IOV_MAX). */
const mostParts = 1024;

function writeSome(fd: number, parts: readonly Uint8Array[]): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    writev(fd, parts, (error, count) => {
      if (!error) resolve(count);
      else if (isCode(error, "EPIPE")) reject(new BrokenPipe());
      else if (isCode(error, "EAGAIN")) setTimeout(resolve, retryAfter, 0);
      else reject(error);
    });
  });
}

/** What is left when the first bytes are gone. */
function without(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let at = 0;
  let gone = count;
  while (gone > 0 && gone >= (parts[at]?.length ?? 0)) gone -= parts[at++]?.length ?? 0;
  const rest = parts.slice(at);
  if (gone > 0 && rest[0]) rest[0] = rest[0].subarray(gone);
  return rest;
}
