// multipart/form-data, written and read as a stream: how images of two files travel.
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { randomBytes } from "node:crypto";
import { CliError } from "../../errors.ts";

const boundary = `berth-${randomBytes(16).toString("hex")}`;
export const formContentType = `multipart/form-data; boundary=${boundary}`;

export interface FormFile {
  field: string;
  path: string;
}

/** The body that carries the files, in their order. */
export async function* formStream(files: readonly FormFile[]): AsyncGenerator<Uint8Array> {
  for (const { field, path } of files) {
    const name = basename(path).replace(/["\r\n\\]/g, "_");
    const head = `Content-Disposition: form-data; name="${field}"; filename="${name}"\r\nContent-Type: application/octet-stream`;
    yield Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`);
    yield* createReadStream(path, { highWaterMark: 1 << 20 });
    yield Buffer.from("\r\n");
  }
  yield Buffer.from(`--${boundary}--\r\n`);
}

export interface FormPart {
  headers: Record<string, string>;
  bytes: AsyncIterable<Uint8Array>;
}

/** The parts of a body that arrives. The bytes of one have to be read before the next. */
export async function* readForm(body: AsyncIterable<Uint8Array>, contentType: string): AsyncGenerator<FormPart> {
  const [, quoted, bare] = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType) ?? [];
  const scanner = new Scanner(body);
  const delimiter = Buffer.from(`\r\n--${quoted ?? bare}`);
  // The first delimiter has no line break before it: one is put there.
  scanner.unread(Buffer.from("\r\n"));
  for await (const _preamble of scanner.until(delimiter));
  while ((await scanner.take(2)).toString() !== "--") {
    scanner.unread(Buffer.from("\r\n"));
    const head = await collect(scanner.until(Buffer.from("\r\n\r\n")));
    const headers: Record<string, string> = {};
    for (const line of head.toString().split("\r\n").slice(1)) {
      const colon = line.indexOf(":");
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    yield { headers, bytes: scanner.until(delimiter) };
  }
}

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}

class Scanner {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#chunks = body[Symbol.asyncIterator]();
  }

  unread(bytes: Buffer): void {
    this.#buffer = Buffer.concat([bytes, this.#buffer]);
  }

  async take(count: number): Promise<Buffer> {
    while (this.#buffer.length < count) await this.#fill();
    const taken = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return taken;
  }

  /** What comes before the mark; the mark is taken, too. */
  async *until(mark: Buffer): AsyncGenerator<Uint8Array> {
    for (;;) {
      const end = this.#buffer.indexOf(mark);
      // The last bytes may be the beginning of the mark.
      const safe = end >= 0 ? end : this.#buffer.length - mark.length + 1;
      if (safe > 0) yield this.#buffer.subarray(0, safe);
      this.#buffer = this.#buffer.subarray(Math.max(0, end >= 0 ? end + mark.length : safe));
      if (end >= 0) return;
      await this.#fill();
    }
  }

  async #fill(): Promise<void> {
    const { value, done } = await this.#chunks.next();
    if (done) throw new CliError("The server's answer ended too early");
    this.#buffer = Buffer.concat([this.#buffer, value]);
  }
}
