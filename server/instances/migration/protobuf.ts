// Messages of protocol buffers, as far as moves between servers need them: varints and lengths.

export type Field = bigint | Buffer;
/** By number, in the order they came. */
export type Fields = ReadonlyMap<number, readonly Field[]>;

function writeVarint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** A field's bytes; nothing when it is undefined. */
export function field(number: number, value: bigint | number | boolean | string | Uint8Array | undefined): Buffer {
  if (value === undefined) return Buffer.alloc(0);
  if (typeof value === "string" || value instanceof Uint8Array) {
    const bytes = Buffer.from(value as string);
    return Buffer.concat([writeVarint(BigInt(number * 8 + 2)), writeVarint(BigInt(bytes.length)), bytes]);
  }
  return Buffer.concat([writeVarint(BigInt(number * 8)), writeVarint(BigInt(value))]);
}

const damaged = () => new Error("the message is damaged");

/** Reads a message. Throws for what is none. */
export function readFields(message: Buffer): Fields {
  const fields = new Map<number, Field[]>();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw damaged();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw damaged();
  };
  const bytes = (length: number) => {
    if (length > message.length - at) throw damaged();
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = Number(varint());
    const [number, kind] = [Math.floor(key / 8), key % 8];
    const value = kind === 0 ? varint() : kind === 2 ? bytes(Number(varint())) : kind === 1 ? bytes(8) : kind === 5 ? bytes(4) : undefined;
    if (value === undefined) throw damaged();
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

/** The last value counts, as the format says. */
export const numberIn = (fields: Fields, number: number): bigint | undefined => fields.get(number)?.filter((value) => typeof value === "bigint").at(-1);
export const textsIn = (fields: Fields, number: number): string[] => messagesIn(fields, number).map((value) => value.toString("utf8"));
export const messagesIn = (fields: Fields, number: number): Buffer[] => fields.get(number)?.filter((value) => Buffer.isBuffer(value)) ?? [];
