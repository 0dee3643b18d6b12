// Members of a tar archive that are small and made here: folders and files of root's.
import { fail } from "../server/api/errors.ts";
import { blockSize } from "./tar-header.ts";

export interface NewMember {
  /** At most 100 bytes; a folder's ends with a slash. */
  name: string;
  data: Buffer;
  mode: number;
  /** Seconds since 1970. */
  mtime: number;
}

/** What ends an archive. */
export const endOfArchive = Buffer.alloc(2 * blockSize);

const octal = (value: number, width: number) => `${Math.max(0, Math.trunc(value)).toString(8).padStart(width - 1, "0")}\0`;

function header({ name, data, mode, mtime }: NewMember): Buffer {
  const block = Buffer.alloc(blockSize);
  if (Buffer.byteLength(name) > 100) throw fail("image_broken", { reason: `the name ${name} is too long` });
  block.write(name, 0);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(data.length, 12), 124);
  block.write(octal(Math.min(mtime, 0o77777777777), 12), 136);
  block.write("        ", 148); // the checksum counts as spaces
  block.write(name.endsWith("/") ? "5" : "0", 156);
  block.write("ustar\0" + "00root", 257);
  block.write("root", 297);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** The bytes of some members, without the archive's end. */
export function packMembers(members: readonly NewMember[]): Buffer {
  const parts = members.flatMap((member) => [header(member), member.data, Buffer.alloc((blockSize - (member.data.length % blockSize)) % blockSize)]);
  return Buffer.concat(parts);
}
