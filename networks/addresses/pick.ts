// Finds a private subnet that nobody on this machine uses.
import { parseCidr } from "../../server/api/config-keys/ip.ts";
import { fail } from "../../server/api/errors.ts";
import { overlaps, readCidr } from "./subnet.ts";

/** A number from 0 up to, not including, 1. */
export type Random = () => number;

const tries = 200;
const below = (random: Random, limit: number): number => Math.floor(random() * limit);

function firstFree(candidates: Iterable<string>, taken: readonly string[]): string | undefined {
  const used = taken.flatMap((subnet) => parseCidr(subnet) ?? []);
  for (const candidate of candidates) {
    const cidr = readCidr(candidate);
    if (!used.some((other) => overlaps(cidr, other))) return candidate;
  }
  return undefined;
}

/** Anywhere in 10/8; when that is full (a VPN may route all of it), in the other two private ranges. */
function* candidates4(random: Random): Generator<string> {
  for (let i = 0; i < tries; i++) yield `10.${below(random, 256)}.${below(random, 256)}.1/24`;
  const start = below(random, 65536);
  for (let i = 0; i < 65536; i += 97) yield `10.${((start + i) >> 8) & 255}.${(start + i) & 255}.1/24`;
  for (let i = 0; i < tries; i++) yield `172.${16 + below(random, 16)}.${below(random, 256)}.1/24`;
  for (let i = 0; i < 256; i++) yield `192.168.${(start + i) & 255}.1/24`;
}

function* candidates6(random: Random): Generator<string> {
  const group = (): string => (1 + below(random, 0xffff)).toString(16);
  for (let i = 0; i < tries; i++) yield `fd42:${group()}:${group()}:${group()}::1/64`;
}

/** The gateway of a free /24, such as `10.66.7.1/24`. Throws `no_free_subnet`. */
export function pickFreeSubnet4(taken: readonly string[], random: Random = Math.random): string {
  const free = firstFree(candidates4(random), taken);
  if (!free) throw fail("no_free_subnet", { family: "IPv4" });
  return free;
}

/** The gateway of a free /64, such as `fd42:5:6:7::1/64`. Throws `no_free_subnet`. */
export function pickFreeSubnet6(taken: readonly string[], random: Random = Math.random): string {
  const free = firstFree(candidates6(random), taken);
  if (!free) throw fail("no_free_subnet", { family: "IPv6" });
  return free;
}
