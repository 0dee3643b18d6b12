// What two servers tell each other on the control websocket before and after the files: LXD's messages, with one field of Berth's own.
import type { Config, DeviceMap } from "../../api/schemas.ts";
import { fail } from "../../api/errors.ts";
import type { IdMap, IdRange } from "../../host/user-namespace.ts";
import { field, messagesIn, numberIn, readFields, textsIn } from "./protobuf.ts";

/** How files travel: LXD has others, every server has this one. */
export const RSYNC = 0;
/** CRIU: the source runs, and is not moved with its memory. */
export const NO_CRIU = 2;
/** What two Berths do besides: hard links and access control lists travel too. LXD passes over the field. */
export const wholeFiles = 1;
/** Also, their rsyncs agree on a checksum: what LXD's arguments leave them is MD5, which takes longer than all the rest. */
export const quickChecksums = 2;
const wholeFilesField = 1000;

export interface RsyncFeatures {
  xattrs: boolean;
  delete: boolean;
  compress: boolean;
  bidirectional: boolean;
}

export interface HeaderSnapshot {
  name: string;
  config: Config;
  devices: DeviceMap;
  profiles: string[];
  ephemeral: boolean;
  architecture: string;
  createdAt: Date | undefined;
  expiresAt: Date | undefined;
}

export interface Header {
  fs: number;
  criu?: number | undefined;
  idmap: IdMap;
  snapshotNames: string[];
  snapshots: HeaderSnapshot[];
  rsync: RsyncFeatures;
  refresh?: boolean | undefined;
  indexVersion: number;
  berth: number;
}

export interface Verdict {
  success: boolean;
  message: string;
}

/** By LXD's numbers. */
const architectures = ["", "i686", "x86_64", "armv7l", "aarch64", "ppc", "ppc64", "ppc64le", "s390x", "mips", "mips64", "riscv32", "riscv64"];

const pair = ([key, value]: [string, string]) => Buffer.concat([field(1, key), field(2, value)]);
const seconds = (date: Date | undefined) => (date ? Math.floor(date.getTime() / 1000) : -62135596800);

function encodeSnapshot(one: HeaderSnapshot): Buffer {
  const devices = Object.entries(one.devices).map(([name, options]) => field(5, Buffer.concat([field(1, name), ...Object.entries(options).map((entry) => field(2, pair(entry)))])));
  return Buffer.concat([
    field(1, one.name), ...Object.entries(one.config).map((entry) => field(2, pair(entry))), ...one.profiles.map((name) => field(3, name)), field(4, one.ephemeral), ...devices,
    field(6, Math.max(0, architectures.indexOf(one.architecture))), field(7, false), field(8, seconds(one.createdAt)), field(9, seconds(undefined)), field(10, seconds(one.expiresAt)),
  ]);
}

function encodeRange(isUid: boolean, { inside, outside, count }: IdRange): Buffer {
  const int32 = (value: number) => BigInt(value | 0);
  return Buffer.concat([field(1, isUid), field(2, !isUid), field(3, int32(outside)), field(4, int32(inside)), field(5, int32(count))]);
}

export function encodeHeader(header: Header): Buffer {
  const { rsync } = header;
  return Buffer.concat([
    field(1, header.fs), field(2, header.criu), ...header.idmap.uid.map((range) => field(3, encodeRange(true, range))),
    ...header.idmap.gid.map((range) => field(3, encodeRange(false, range))), ...header.snapshotNames.map((name) => field(4, name)),
    ...header.snapshots.map((one) => field(5, encodeSnapshot(one))), field(7, false),
    field(8, Buffer.concat([field(1, rsync.xattrs), field(2, rsync.delete), field(3, rsync.compress), field(4, rsync.bidirectional)])),
    field(9, header.refresh), field(13, header.indexVersion), field(wholeFilesField, header.berth),
  ]);
}

export function encodeVerdict({ success, message }: Verdict): Buffer {
  return Buffer.concat([field(1, success), field(2, message)]);
}

function decode<T>(message: Buffer, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw fail("migration_failed", { reason: `the other server sent a message of ${message.length} bytes that is none` }, cause);
  }
}

export function decodeVerdict(message: Buffer): Verdict {
  return decode(message, () => {
    const fields = readFields(message);
    return { success: numberIn(fields, 1) === 1n, message: textsIn(fields, 2).at(-1) ?? "" };
  });
}

function pairsOf(messages: readonly Buffer[]): Config {
  return Object.fromEntries(messages.map(readFields).map((fields) => [textsIn(fields, 1).at(-1) ?? "", textsIn(fields, 2).at(-1) ?? ""]));
}

function decodeSnapshot(message: Buffer): HeaderSnapshot {
  const fields = readFields(message);
  const dateOf = (number: number) => {
    const time = Number(BigInt.asIntN(64, numberIn(fields, number) ?? 0n));
    return time > 0 ? new Date(time * 1000) : undefined;
  };
  return {
    name: textsIn(fields, 1).at(-1) ?? "", config: pairsOf(messagesIn(fields, 2)), profiles: textsIn(fields, 3), ephemeral: numberIn(fields, 4) === 1n,
    devices: Object.fromEntries(messagesIn(fields, 5).map(readFields).map((device) => [textsIn(device, 1).at(-1) ?? "", pairsOf(messagesIn(device, 2))])),
    architecture: architectures[Number(numberIn(fields, 6) ?? 0n)] ?? "", createdAt: dateOf(8), expiresAt: dateOf(10),
  };
}

function decodeIdMap(messages: readonly Buffer[]): IdMap {
  const map: { uid: IdRange[]; gid: IdRange[] } = { uid: [], gid: [] };
  for (const fields of messages.map(readFields)) {
    const id = (number: number) => Number(BigInt.asUintN(32, numberIn(fields, number) ?? 0n));
    const range = { outside: id(3), inside: id(4), count: id(5) };
    if (numberIn(fields, 1) === 1n) map.uid.push(range);
    if (numberIn(fields, 2) === 1n) map.gid.push(range);
  }
  return map;
}

/** Reads a header. Throws `migration_failed`, also when the other side says that it has failed. */
export function decodeHeader(message: Buffer): Header {
  const header = decode(message, () => {
    const fields = readFields(message);
    const [failure] = textsIn(fields, 2);
    if (failure !== undefined) return failure;
    const features = readFields(messagesIn(fields, 8).at(-1) ?? Buffer.alloc(0));
    const has = (number: number) => numberIn(features, number) === 1n;
    // Without the last one it is of a server before LXD 3.8, which had all of the others.
    const rsync = has(4) ? { xattrs: has(1), delete: has(2), compress: has(3), bidirectional: true } : { xattrs: true, delete: true, compress: true, bidirectional: false };
    const criu = numberIn(fields, 2);
    return {
      fs: Number(numberIn(fields, 1) ?? 0n), criu: criu === undefined ? undefined : Number(criu), idmap: decodeIdMap(messagesIn(fields, 3)),
      snapshotNames: textsIn(fields, 4), snapshots: messagesIn(fields, 5).map(decodeSnapshot), rsync, refresh: numberIn(fields, 9) === 1n,
      indexVersion: Number(numberIn(fields, 13) ?? 0n), berth: Number(numberIn(fields, wholeFilesField) ?? 0n),
    } satisfies Header;
  });
  if (typeof header === "string") throw fail("migration_failed", { reason: header });
  return header;
}
