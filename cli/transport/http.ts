// HTTP/1.1 on a byte stream: enough of it for one request and its answer. Node's own client costs
// ten milliseconds at every start.
import type { TransportRequest } from "../../server/api/client.ts";
import { CliError } from "../errors.ts";

const longestLine = 64 * 1024;

export class BrokenConnection extends CliError {
  constructor(cause?: unknown) {
    super("The server closed the connection before its answer was complete", { hint: "berthd's log may say why.", cause });
  }
}

/** The start line and headers. `chunked` announces a body of unknown length. */
export function renderHead(request: TransportRequest, host: string, agent: string): string {
  if (/[\0-\x20\x7f]/.test(request.path)) throw new CliError(`Not a path of the API: "${request.path}"`);
  const lines = [`${request.method} ${request.path} HTTP/1.1`, `Host: ${host}`, `User-Agent: ${agent}`, "Connection: close"];
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (/[\r\n\0]/.test(value)) throw new CliError(`The value of header ${name} holds a line break`);
    lines.push(`${name}: ${value}`);
  }
  if (typeof request.body === "string") lines.push(`Content-Length: ${Buffer.byteLength(request.body)}`);
  else if (request.body) lines.push("Transfer-Encoding: chunked");
  else if (request.method !== "GET" && request.method !== "HEAD") lines.push("Content-Length: 0");
  return `${lines.join("\r\n")}\r\n\r\n`;
}

export interface ResponseHead {
  status: number;
  headers: Record<string, string>;
}

/** Reads an answer from the chunks of a connection, no faster than its consumer takes them. */
export class ResponseReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async readHead(): Promise<ResponseHead> {
    for (;;) {
      const start = await this.#readLine();
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(start)?.[1]);
      if (!status) throw new CliError("The server does not speak HTTP", { hint: "is it berthd that listens there?" });
      const headers: Record<string, string> = {};
      for (let line = await this.#readLine(); line !== ""; line = await this.#readLine()) {
        const colon = line.indexOf(":");
        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
      }
      if (status >= 200) return { status, headers };
    }
  }

  async *readBody({ status, headers }: ResponseHead, method: string): AsyncGenerator<Uint8Array> {
    if (method === "HEAD" || status === 204 || status === 304) return;
    if (headers["transfer-encoding"]?.toLowerCase() === "chunked") yield* this.#readChunked();
    else if (headers["content-length"] !== undefined) yield* this.#readExactly(Number(headers["content-length"]));
    else yield* this.#readToEnd();
  }

  async #fill(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done) return false;
    this.#buffer = this.#buffer.length === 0 ? Buffer.from(value.buffer, value.byteOffset, value.length) : Buffer.concat([this.#buffer, value]);
    return true;
  }

  async #readLine(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#buffer.toString("utf8", 0, end);
        this.#buffer = this.#buffer.subarray(end + 2);
        return line;
      }
      if (this.#buffer.length > longestLine || !(await this.#fill())) throw new BrokenConnection();
    }
  }

  async *#readExactly(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      if (this.#buffer.length === 0 && !(await this.#fill())) throw new BrokenConnection();
      const part = this.#buffer.subarray(0, left);
      this.#buffer = this.#buffer.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async *#readChunked(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const size = Number.parseInt(await this.#readLine(), 16);
      if (!(size >= 0)) throw new BrokenConnection();
      if (size === 0) break;
      yield* this.#readExactly(size);
      await this.#readLine();
    }
    while ((await this.#readLine()) !== "");
  }

  async *#readToEnd(): AsyncGenerator<Uint8Array> {
    do {
      const part = this.#buffer;
      this.#buffer = Buffer.alloc(0);
      if (part.length > 0) yield part;
    } while (await this.#fill());
  }
}
