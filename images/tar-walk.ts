// Walks along the bytes of a tarball as they come, and tells where its members begin and where it ends. Nothing is kept of the data.
import { fail } from "../server/api/errors.ts";
import { blockSize, normalizeName, parseHeader, parsePax, readText, type TarHeader } from "./tar-header.ts";

/** A member, or the archive's end. Offsets count from the archive's first byte. */
export type Step =
  | { kind: "member"; header: TarHeader; /** Where the first header of it is. */ begin: number; /** Where its data is. */ data: number }
  | { kind: "end"; at: number };

const amendmentLimit = 1024 * 1024;
const amending = "xgLK";
const padded = (size: number) => Math.ceil(size / blockSize) * blockSize;

export class TarWalk {
  #position = 0;
  #block: Buffer = Buffer.alloc(0);
  /** Bytes of data to pass over. */
  #skip = 0;
  /** Where the member begins whose headers are being read. */
  #begin: number | undefined;
  /** The amendment that is being read, and how long it is. */
  #amendment: { type: string; size: number; text: Buffer } | undefined;
  #name: string | undefined;
  #size: number | undefined;
  #sparse: TarHeader | undefined;
  #ended = false;

  get position(): number {
    return this.#position;
  }

  /** Up to here all bytes belong to members that have been told of. */
  get settled(): number {
    return this.#begin ?? this.#position - this.#block.length;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Throws `image_broken` for what is no tarball. */
  *feed(chunk: Buffer): Generator<Step> {
    for (let at = 0; at < chunk.length && !this.#ended; ) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at);
        this.#skip -= passed;
        at += this.#move(passed);
        continue;
      }
      const wanted = this.#amendment ? padded(this.#amendment.size) - this.#amendment.text.length : blockSize - this.#block.length;
      const part = chunk.subarray(at, at + wanted);
      at += this.#move(part.length);
      if (this.#amendment) this.#readAmendment(part);
      else yield* this.#readBlock(part);
    }
  }

  #move(bytes: number): number {
    this.#position += bytes;
    return bytes;
  }

  #readAmendment(part: Buffer): void {
    const amendment = this.#amendment;
    if (!amendment) return;
    amendment.text = Buffer.concat([amendment.text, part]);
    if (amendment.text.length < padded(amendment.size)) return;
    this.#amendment = undefined;
    const text = amendment.text.subarray(0, amendment.size);
    if (amendment.type === "L") this.#name = readText(text);
    if (amendment.type !== "x") return;
    const records = parsePax(text);
    this.#name = records.get("GNU.sparse.name") ?? records.get("path") ?? this.#name;
    const size = records.get("size");
    if (size !== undefined) this.#size = Number(size);
  }

  *#readBlock(part: Buffer): Generator<Step> {
    this.#block = this.#block.length === 0 ? part : Buffer.concat([this.#block, part]);
    if (this.#block.length < blockSize) return;
    const block = this.#block;
    this.#block = Buffer.alloc(0);
    if (this.#sparse) {
      if (block[504] !== 1) yield this.#member(this.#sparse);
      return;
    }
    const header = parseHeader(block);
    if (!header) {
      this.#ended = true;
      return yield { kind: "end", at: this.#begin ?? this.#position - blockSize };
    }
    this.#begin ??= this.#position - blockSize;
    if (amending.includes(header.type)) {
      if (header.size > amendmentLimit) throw fail("image_broken", { reason: `a header of the tarball is larger than ${amendmentLimit} bytes` });
      if (header.size > 0) this.#amendment = { type: header.type, size: header.size, text: Buffer.alloc(0) };
    } else if (header.extended) this.#sparse = header;
    else yield this.#member(header);
  }

  #member(header: TarHeader): Step {
    const size = header.type === "1" ? 0 : (this.#size ?? header.size);
    if (!Number.isSafeInteger(size) || size < 0) throw fail("image_broken", { reason: "the tarball is damaged: a member has no valid size" });
    const amended = { ...header, name: this.#name === undefined ? header.name : normalizeName(this.#name), size };
    const begin = this.#begin as number;
    [this.#begin, this.#name, this.#size, this.#sparse, this.#skip] = [undefined, undefined, undefined, undefined, padded(size)];
    return { kind: "member", header: amended, begin, data: this.#position };
  }
}
