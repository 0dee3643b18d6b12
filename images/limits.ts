// How much an image may be: more than any system takes, and less than a few kilobytes of zeros could be blown up to.
import { stat } from "node:fs/promises";
import { fail } from "../server/api/errors.ts";

/** What any image may unpack to, in bytes, and how many times its own size beyond that. */
export interface Limits {
  floor: number;
  ratio: number;
}

export const unpackLimits: Limits = { floor: 4 * 2 ** 30, ratio: 200 };

/** Bytes that a file may unpack to. */
export async function mostUnpacked(file: string, { floor, ratio }: Limits = unpackLimits): Promise<number> {
  return floor + ratio * (await stat(file)).size;
}

export function tooLarge(what: string, bytes: number): Error {
  return fail("image_too_large", { what, limit: bytes >= 2 ** 30 ? `${Math.round(bytes / 2 ** 30)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB` });
}
