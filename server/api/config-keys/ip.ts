// IP addresses and prefixes as numbers, and the sentences that say what is wrong with one.
import ipaddr from "ipaddr.js";

export type Family = 4 | 6;

export interface Ip {
  readonly family: Family;
  readonly value: bigint;
}

/** An address with its prefix length: the address need not be the first one of its subnet. */
export interface Cidr extends Ip {
  readonly prefix: number;
}

/** Bits of an address. */
export const bits = (family: Family): number => (family === 4 ? 32 : 128);

/** An address written as four decimals or as IPv6 without a zone; undefined when it is none. */
export function parseIp(text: string): Ip | undefined {
  const four = ipaddr.IPv4.isValidFourPartDecimal(text) && !/(^|\.)0\d/.test(text);
  if (!four && (!text.includes(":") || !/^[0-9a-fA-F:.]+$/.test(text) || !ipaddr.IPv6.isValid(text))) return undefined;
  const bytes = ipaddr.parse(text).toByteArray();
  return { family: four ? 4 : 6, value: bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) };
}

/** `ADDRESS/PREFIX`; undefined when it is none. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const ip = match?.[1] === undefined ? undefined : parseIp(match[1]);
  const prefix = Number(match?.[2]);
  return ip && prefix <= bits(ip.family) ? { ...ip, prefix } : undefined;
}

/** The usual way to write an address; IPv6 as in RFC 5952. */
export function formatIp(ip: Ip): string {
  const bytes = Array.from({ length: bits(ip.family) / 8 }, (_, i) => Number((ip.value >> BigInt(bits(ip.family) - 8 - 8 * i)) & 0xffn));
  if (ip.family === 4) return bytes.join(".");
  return new ipaddr.IPv6(bytes).toRFC5952String();
}

export const formatCidr = (cidr: Cidr): string => `${formatIp(cidr)}/${cidr.prefix}`;

/** First and last address of the subnet that an address lies in. */
export function subnetBounds(cidr: Cidr): { first: bigint; last: bigint } {
  const size = 1n << BigInt(bits(cidr.family) - cidr.prefix);
  const first = cidr.value - (cidr.value % size);
  return { first, last: first + size - 1n };
}

const items = (list: string): string[] => list.split(",").map((item) => item.trim());
const example = { 4: "10.20.30.1/24", 6: "fd42:1:2:3::1/64" } as const;

/** What is wrong with the address of a bridge: `ADDRESS/PREFIX`, `none` or `auto`. */
export function checkGateway(family: Family, value: string): string | undefined {
  if (value === "none" || value === "auto") return undefined;
  const cidr = parseCidr(value);
  if (cidr?.family !== family) return `expected an IPv${family} address with its prefix, such as ${example[family]}, or none, or auto`;
  const { first, last } = subnetBounds(cidr);
  const longest = bits(family) - 2;
  if (cidr.prefix > longest || cidr.prefix < 8) return `expected a prefix between 8 and ${longest}`;
  if (cidr.value === first) return "it is the network's own address: expected one of a host, such as the first";
  if (family === 4 && cidr.value === last) return "it is the broadcast address of its network";
  if (family === 4 ? isUnusable4(cidr.value) : isUnusable6(cidr.value)) return "addresses of this kind cannot be given to machines";
  return undefined;
}

const isUnusable4 = (value: bigint): boolean => [0n, 127n].includes(value >> 24n) || value >> 28n >= 14n;
const isUnusable6 = (value: bigint): boolean => value >> 120n === 0xffn || value >> 118n === 0x3fan || value >> 96n === 0n;

/** What is wrong with one address. */
export function checkIp(family: Family, value: string): string | undefined {
  return parseIp(value)?.family === family ? undefined : `expected an IPv${family} address`;
}

/** What is wrong with a list of subnets, separated by commas. */
export function checkSubnets(family: Family, value: string): string | undefined {
  for (const item of items(value)) {
    const cidr = parseCidr(item);
    if (cidr?.family !== family) return `expected IPv${family} subnets, separated by commas; "${item}" is none`;
    const first = formatCidr({ ...cidr, value: subnetBounds(cidr).first });
    if (subnetBounds(cidr).first !== cidr.value) return `"${item}" is an address inside a subnet: did you mean ${first}?`;
    if (cidr.prefix === 0) return "it may not be the default route";
  }
  return undefined;
}

/** What is wrong with a list of ranges `FIRST-LAST`, separated by commas. */
export function checkRanges(family: Family, value: string): string | undefined {
  for (const item of items(value)) {
    const [first, last, ...rest] = item.split("-").map((part) => parseIp(part.trim()));
    if (first?.family !== family || last?.family !== family || rest.length > 0) {
      return `expected ranges FIRST-LAST of IPv${family} addresses, separated by commas; "${item}" is none`;
    }
    if (first.value > last.value) return `the range "${item}" ends before it begins`;
  }
  return undefined;
}
