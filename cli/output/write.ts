// Writes to a file descriptor without loading Node's streams, and waits when the reader is slow.
import { write, writeSync } from "node:fs";
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

/** Like `writeNow`, but other work goes on meanwhile. */
export async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += await new Promise<number>((resolve, reject) => {
      write(fd, bytes, done, bytes.length - done, null, (error, count) => {
        if (!error) resolve(count);
        else if (isCode(error, "EPIPE")) reject(new BrokenPipe());
        else if (isCode(error, "EAGAIN")) setTimeout(resolve, retryAfter, 0);
        else reject(error);
      });
    });
  }
}
