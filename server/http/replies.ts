// Replies that are bytes instead of an envelope.
import { type FileHandle, open } from "node:fs/promises";
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

/** Bytes that are there, or a file's, which is opened already: whoever removes it does not take it from the reader. */
interface Segment {
  size: number;
  bytes?: Buffer;
  file?: FileHandle;
}

async function segmentOf(path: string): Promise<Segment> {
  const file = await open(path, "r");
  return { size: (await file.stat()).size, file };
}

/** What a `Range` header asks for, ends included: `none` can be given; undefined: all of it, as for what is no range or several. */
function rangeIn(header: string | undefined, size: number): { from: number; to: number } | "none" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header?.replaceAll(" ", "") ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && first !== "" && Number(last) < from) return undefined;
  return from >= size || (first === "" && Number(last) === 0) ? "none" : { from, to };
}

const pieceLength = 256 * 1024;

async function* bytesOf(segments: readonly Segment[], from: number, to: number): AsyncGenerator<Buffer> {
  let start = 0;
  try {
    for (const { size, bytes, file } of segments) {
      const [first, end] = [Math.max(0, from - start), Math.min(size, to + 1 - start)];
      start += size;
      if (first >= end) continue;
      if (bytes) yield bytes.subarray(first, end);
      for (let at = first; file && at < end;) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(pieceLength, end - at)), 0, Math.min(pieceLength, end - at), at);
        if (bytesRead === 0) throw new Error("the file has become shorter");
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    }
  } finally {
    await closeAll(segments);
  }
}

async function closeAll(segments: readonly Segment[]): Promise<void> {
  for (const { file } of segments) await file?.close();
}

async function reply(segments: readonly Segment[], headers: Record<string, string>, range: string | undefined): Promise<RawReply> {
  const size = segments.reduce((sum, segment) => sum + segment.size, 0);
  const wanted = rangeIn(range, size);
  if (wanted === "none") {
    await closeAll(segments);
    return { status: 416, headers: { "content-range": `bytes */${size}`, "content-length": "0" }, body: Buffer.alloc(0) };
  }
  const { from, to } = wanted ?? { from: 0, to: size - 1 };
  const body = Readable.from(bytesOf(segments, from, to), { objectMode: false, highWaterMark: pieceLength });
  body.once("close", () => void closeAll(segments)); // it may never have been read
  return {
    ...(wanted ? { status: 206 } : {}), body,
    headers: { ...headers, "accept-ranges": "bytes", "content-length": String(to - from + 1), ...(wanted ? { "content-range": `bytes ${from}-${to}/${size}` } : {}) },
  };
}

/** One file, with its name for whoever saves it; `range`: as in a request's header. */
export async function fileReply(file: string, name: string, range?: string): Promise<RawReply> {
  return reply([await segmentOf(file)], { "content-type": "application/octet-stream", "content-disposition": `inline;filename=${quote(name)}` }, range);
}

export interface Part {
  field: string;
  name: string;
  file: string;
}

/** Several files as a multipart form, in order. */
export async function multipartReply(parts: readonly Part[], boundary: string, range?: string): Promise<RawReply> {
  const text = (value: string): Segment => ({ size: Buffer.byteLength(value), bytes: Buffer.from(value) });
  const segments: Segment[] = [];
  try {
    for (const { field, name, file } of parts) {
      segments.push(text(`--${boundary}\r\nContent-Disposition: form-data; name=${quote(field)}; filename=${quote(name)}\r\nContent-Type: application/octet-stream\r\n\r\n`));
      segments.push(await segmentOf(file), text("\r\n"));
    }
  } catch (error) {
    await closeAll(segments);
    throw error;
  }
  return reply([...segments, text(`--${boundary}--\r\n`)], { "content-type": `multipart/form-data; boundary=${boundary}` }, range);
}
