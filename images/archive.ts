// Looking into a tarball without unpacking it: its members in order, and the data of single ones.
import { fail } from "../server/api/errors.ts";
import { type ByteSource, openSource } from "./byte-source.ts";
import { detectFileFormat, type ImageFormat } from "./compression.ts";
import { mostUnpacked, tooLarge } from "./limits.ts";
import { blockSize, normalizeName, parseHeader, parsePax, readText, type TarHeader } from "./tar-header.ts";

export interface ArchiveMember {
  /** Without leading "./" and trailing "/". */
  name: string;
  type: "file" | "directory" | "link" | "special";
  /** Bytes. */
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  /** The data; only while the member is being visited. Throws `image_broken` beyond `limit` bytes. */
  read(limit: number): Promise<Buffer>;
}

/** Returns false to end the scan there. */
export type Visit = (member: ArchiveMember) => boolean | Promise<boolean>;

const truncated = () => fail("image_broken", { reason: "the tarball ends in the middle: it is truncated" });
const amendmentLimit = 1024 * 1024;

function memberType(type: string): ArchiveMember["type"] {
  if (type === "0" || type === "7" || type === "S") return "file";
  if (type === "5" || type === "D") return "directory";
  return type === "1" || type === "2" ? "link" : "special";
}

async function readData(source: ByteSource, header: TarHeader, limit: number): Promise<Buffer> {
  if (header.size > limit) throw fail("image_broken", { reason: `${header.name} is larger than ${limit} bytes` });
  const data = await source.read(header.size);
  if (data.length < header.size || !await source.skip(padding(header.size))) throw truncated();
  return data;
}

const padding = (size: number) => (blockSize - (size % blockSize)) % blockSize;

async function skipSparseMap(source: ByteSource): Promise<void> {
  for (let more = true; more;) {
    const block = await source.read(blockSize);
    if (block.length < blockSize) throw truncated();
    more = block[504] === 1;
  }
}

/** The next member's header, amended by the pax and GNU headers before it; undefined at the end. */
async function readHeader(source: ByteSource): Promise<TarHeader | undefined> {
  let name: string | undefined;
  let size: number | undefined;
  for (;;) {
    const block = await source.read(blockSize);
    if (block.length === 0) return undefined;
    if (block.length < blockSize) throw truncated();
    const header = parseHeader(block);
    if (!header) return undefined;
    if (header.type === "x") {
      const records = parsePax(await readData(source, header, amendmentLimit));
      name = records.get("path") ?? name;
      size = records.has("size") ? Number(records.get("size")) : size;
    } else if (header.type === "L") {
      name = readText(await readData(source, header, amendmentLimit));
    } else if (header.type === "g" || header.type === "K") {
      await readData(source, header, amendmentLimit);
    } else {
      if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) throw truncated();
      if (header.extended) await skipSparseMap(source);
      return { ...header, name: name === undefined ? header.name : normalizeName(name), size: header.type === "1" ? 0 : size ?? header.size };
    }
  }
}

/** Visits the members in order until `visit` returns false. Throws `image_broken` for what is no whole tarball, `image_too_large`. */
export async function scanArchive(file: string, format: ImageFormat, visit: Visit, signal?: AbortSignal): Promise<void> {
  const most = await mostUnpacked(file);
  let passed = 0;
  await using source = await openSource(file, format);
  for (let header = await readHeader(source); header; header = await readHeader(source)) {
    signal?.throwIfAborted();
    passed += blockSize + header.size;
    if (passed > most) throw tooLarge("the tarball", most);
    const current = header;
    let taken = false;
    const read = (limit: number) => {
      taken = true;
      return readData(source, current, limit);
    };
    if (!await visit({ name: current.name, type: memberType(current.type), size: current.size, mtime: current.mtime, read })) return;
    if (!taken && !await source.skip(current.size + padding(current.size))) throw truncated();
  }
}

/**
 * The data of the first regular file of that name; undefined when there is none. Stops reading right there.
 * Throws `image_broken` when it is larger than `limit` bytes, no regular file, or the archive is damaged before it.
 */
export async function readMember(
  file: string, name: string, options: { limit: number; format?: ImageFormat; signal?: AbortSignal },
): Promise<Buffer | undefined> {
  let found: Buffer | undefined;
  await scanArchive(file, options.format ?? await detectFileFormat(file), async (member) => {
    if (member.name !== name) return true;
    found = await readRegular(member, options.limit);
    return false;
  }, options.signal);
  return found;
}

/** The data of a member that has to be a regular file. */
export async function readRegular(member: ArchiveMember, limit: number): Promise<Buffer> {
  if (member.type !== "file") throw fail("image_broken", { reason: `${member.name} is not a regular file` });
  return member.read(limit);
}
