// The trust password: kept as LXD keeps it, in hex: 32 bytes of salt, then 64 that scrypt makes of both.
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../api/errors.ts";

/** How many may wait for their turn, and how long the answer to a wrong one waits, in ms. */
const mostWaiting = 32;
const pause = 500;
let waiting = 0;
let turn: Promise<unknown> = Promise.resolve();

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 64, { N: 2 ** 14, r: 8, p: 1 }, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(32);
  return Buffer.concat([salt, await derive(password, salt)]).toString("hex");
}

async function matches(hash: string, password: string): Promise<boolean> {
  const stored = Buffer.from(hash, "hex");
  return stored.length === 96 && timingSafeEqual(stored.subarray(32), await derive(password, stored.subarray(0, 32)));
}

/** One at a time: strangers may ask, and each try takes tens of milliseconds of a processor. Throws `too_many_attempts`. */
export async function isPassword(hash: string, password: string): Promise<boolean> {
  if (waiting >= mostWaiting) throw fail("too_many_attempts");
  waiting++;
  const mine = turn.then(() => matches(hash, password)).finally(() => waiting--);
  turn = mine.catch(() => {});
  if (await mine) return true;
  await sleep(pause);
  return false;
}
