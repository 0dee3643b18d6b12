// Takes a backup's tarball apart as it comes: its index, each snapshot, then the instance itself, each as the bytes of a tarball.
import type { Readable } from "node:stream";
import { decompressor, detectFormat, headLength } from "../../../images/compression.ts";
import { TarWalk } from "../../../images/tar-walk.ts";
import { fail } from "../../api/errors.ts";
import { ending, startFilter } from "../../storage/programs.ts";

const broken = (reason: string, cause?: unknown) => fail("backup_broken", { reason }, cause);

/** Bytes of an index at most. */
const indexLimit = 16 * 1024 * 1024;

/** The bytes of a tarball that comes in any of the usual compressions. What is left of the body when it ends early is not lost. */
export async function* decompressed(body: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  let head: Buffer = Buffer.alloc(0);
  let command: readonly [string, ...string[]] | undefined;
  try {
    while (head.length < headLength) {
      const { value, done } = await chunks.next();
      if (done) break;
      head = Buffer.concat([head, value]);
    }
    const format = detectFormat(head);
    if (!format || format === "squashfs") throw broken(format ? "it is a squashfs: make it with another compression" : "it is no tarball (plain, gz, xz, lzma, bz2 or zst)");
    command = decompressor(format);
    if (command) yield* through(command, joined(head, chunks), signal);
    else yield* joined(head, chunks);
  } finally {
    if (!command) await chunks.return?.(undefined);
  }
}

/** Through a program. It is fed to the end, also when nobody wants what it says any more. */
async function* through([tool, ...args]: readonly [string, ...string[]], chunks: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const child = startFilter([tool, ...args], ["pipe", "pipe", "pipe"]);
  const end = ending(tool, child, signal);
  const feeding = feed(chunks, child.stdin as NodeJS.WritableStream);
  feeding.catch(() => child.kill("SIGKILL"));
  end.catch(() => {});
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    await feeding;
    const { code, words } = await end;
    if (code !== 0) throw broken(`it cannot be decompressed: ${words.trim().split("\n").at(-1) || `${tool} ended with ${code}`}`);
  } finally {
    child.kill("SIGKILL");
  }
}

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** Writes all there is to a program's input, which may end before. */
export async function feed(chunks: AsyncIterable<Buffer>, input: NodeJS.WritableStream): Promise<void> {
  let gone = false;
  input.on("error", () => (gone = true));
  input.on("close", () => (gone = true));
  for await (const chunk of chunks) {
    if (gone) continue; // the sender wants to be listened to
    if (!input.write(chunk)) await new Promise<void>((resolve) => {
      const go = () => {
        input.off("drain", go).off("close", go).off("error", go);
        resolve();
      };
      input.on("drain", go).on("close", go).on("error", go);
    });
  }
  input.end();
}

/** A piece of a part: `data` and `size` say where the data of a member that begins it is. */
interface Piece {
  part: string;
  bytes: Buffer;
  data: number;
  size: number;
}

/** What a member belongs to: `index`, `container` or `snapshots/NAME`; undefined for folders above them. */
function partOf(name: string): string | undefined {
  if (name === "backup" || name === "backup/snapshots") return undefined;
  if (name === "backup/index.yaml") return "index";
  const found = /^backup\/(container|snapshots\/[^/]+)(?:\/|$)/.exec(name)?.[1];
  if (found) return found;
  if (/^backup\/(container|virtual-machine|snapshots\/.*)\.bin$/.test(name)) throw broken("it is in the format of a storage driver: export it without --optimized-storage");
  throw broken(`${name.slice(0, 200)} does not belong into a backup of a container`);
}

async function* piecesOf(source: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  const walk = new TarWalk();
  let held: Buffer = Buffer.alloc(0);
  let start = 0; // offset of held[0]
  let current: Omit<Piece, "bytes"> | undefined;
  const take = (until: number): Piece | undefined => {
    const bytes = held.subarray(0, until - start);
    held = held.subarray(bytes.length);
    start += bytes.length;
    const piece = current && bytes.length > 0 ? { ...current, bytes } : undefined;
    if (piece && current) current = { ...current, data: 0, size: 0 };
    return piece;
  };
  for await (const chunk of source) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    if (walk.hasEnded) {
      held = Buffer.alloc(0);
      continue;
    }
    for (const step of walk.feed(chunk)) {
      const part = step.kind === "member" ? partOf(step.header.name) : undefined;
      if (step.kind === "member" && part === current?.part && part !== "index") continue;
      const piece = take(step.kind === "member" ? step.begin : step.at);
      if (piece) yield piece;
      current = step.kind === "member" && part !== undefined ? { part, data: step.data - step.begin, size: step.header.size } : undefined;
    }
    const piece = walk.hasEnded ? undefined : take(walk.settled);
    if (piece) yield piece;
  }
  if (!walk.hasEnded) throw broken("it ends in the middle: it is truncated");
}

export interface Part {
  name: string;
  /** To be read before the next part is asked for. */
  bytes(): AsyncGenerator<Buffer>;
}

/** Reads a backup in order. */
export class BackupReader {
  readonly #pieces: AsyncGenerator<Piece>;
  #next: Piece | undefined;

  constructor(source: AsyncIterable<Buffer>) {
    this.#pieces = piecesOf(source);
  }

  async #advance(): Promise<void> {
    const { value, done } = await this.#pieces.next();
    this.#next = done ? undefined : value;
  }

  /** The text of index.yaml, which comes first. Throws `backup_broken`. */
  async readIndex(): Promise<string> {
    await this.#advance();
    const first = this.#next;
    if (first?.part !== "index") throw broken("Backup is missing index.yaml");
    const [from, to] = [first.data, first.data + first.size];
    if (first.size > indexLimit) throw broken(`its index is larger than ${indexLimit} bytes`);
    const chunks: Buffer[] = [];
    for (; this.#next?.part === "index"; await this.#advance()) chunks.push(this.#next.bytes);
    return Buffer.concat(chunks).subarray(from, to).toString("utf8");
  }

  /** The next part; undefined at the end. */
  async nextPart(): Promise<Part | undefined> {
    const name = this.#next?.part;
    return name === undefined ? undefined : { name, bytes: () => this.#bytesOf(name) };
  }

  async *#bytesOf(name: string): AsyncGenerator<Buffer> {
    for (; this.#next?.part === name; await this.#advance()) yield this.#next.bytes;
  }

  /** Ends what is being read. */
  async close(): Promise<void> {
    await this.#pieces.return(undefined).catch(() => {});
  }
}
