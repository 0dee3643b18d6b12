// Replies that are bytes instead of an envelope.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";

export interface RawReply {
  status?: number;
  headers: Record<string, string>;
  body: Readable | Buffer;
}

/** A value quoted for a header parameter. */
function quote(value: string): string {
  return `"${value.replace(/["\\\r\n]/g, "_")}"`;
}

/** One file, with its name for whoever saves it. */
export async function fileReply(file: string, name: string): Promise<RawReply> {
  const { size } = await stat(file);
  return {
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(size),
      "content-disposition": `inline;filename=${quote(name)}`,
    },
    body: createReadStream(file),
  };
}

export interface Part {
  field: string;
  name: string;
  file: string;
}

/** Several files as a multipart form, in order. */
export async function multipartReply(parts: readonly Part[], boundary: string): Promise<RawReply> {
  const heads = parts.map((part) =>
    `--${boundary}\r\nContent-Disposition: form-data; name=${quote(part.field)}; filename=${quote(part.name)}\r\n` +
    "Content-Type: application/octet-stream\r\n\r\n");
  const tail = `--${boundary}--\r\n`;
  const sizes = await Promise.all(parts.map(async (part) => (await stat(part.file)).size));
  const length = sizes.reduce((sum, size, i) => sum + size + (heads[i] ?? "").length + 2, tail.length);
  async function* bytes(): AsyncGenerator<Buffer> {
    for (const [i, part] of parts.entries()) {
      yield Buffer.from(heads[i] ?? "");
      yield* createReadStream(part.file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
      yield Buffer.from("\r\n");
    }
    yield Buffer.from(tail);
  }
  return {
    headers: { "content-type": `multipart/form-data; boundary=${boundary}`, "content-length": String(length) },
    body: Readable.from(bytes(), { objectMode: false }),
  };
}
