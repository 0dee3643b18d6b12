// User namespaces that carry an id map, for idmapped mounts.
import { spawn } from "node:child_process";
import { openSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../api/errors.ts";
import { childEnv } from "./run.ts";

/** One contiguous range: `count` ids from `inside` on are `outside` on the host. */
export interface IdRange {
  inside: number;
  outside: number;
  count: number;
}
export interface IdMap {
  uid: readonly IdRange[];
  gid: readonly IdRange[];
}

/** Lines as /proc/PID/uid_map takes them. */
export function renderRanges(ranges: readonly IdRange[]): string {
  return ranges.map((range) => `${range.inside} ${range.outside} ${range.count}\n`).join("");
}

function readOwn(file: string): IdRange[] {
  return readFileSync(file, "utf8").trim().split("\n").map((line) => {
    const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    return { inside, outside, count };
  });
}

/** The ids that there are for the daemon itself. */
export function ownIds(): IdMap {
  return { uid: readOwn("/proc/self/uid_map"), gid: readOwn("/proc/self/gid_map") };
}

/** Whether the daemon runs in a container of its own, whose root has no power over the machine. */
export function inUserNamespace(): boolean {
  const [first, ...more] = readOwn("/proc/self/uid_map");
  return more.length > 0 || first?.outside !== 0 || first.count < 4294967295;
}

const cache = new Map<string, Promise<number>>();

/**
 * A descriptor of a user namespace with this map. It is made by a short-lived child and kept as long as
 * the daemon lives: there is one for each distinct map.
 */
export function userNamespace(map: IdMap): Promise<number> {
  const key = JSON.stringify(map);
  let made = cache.get(key);
  if (!made) {
    made = make(map);
    cache.set(key, made);
    made.catch(() => cache.delete(key));
  }
  return made;
}

async function make(map: IdMap): Promise<number> {
  const own = readlinkSync("/proc/self/ns/user");
  const child = spawn("unshare", ["--user", "cat"], { stdio: ["pipe", "ignore", "ignore"], env: childEnv() });
  try {
    const failed = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`unshare ended with ${code}`)));
    });
    failed.catch(() => {});
    const proc = `/proc/${child.pid}`;
    await Promise.race([failed, entered(proc, own)]);
    writeFileSync(`${proc}/uid_map`, renderRanges(map.uid));
    writeFileSync(`${proc}/gid_map`, renderRanges(map.gid));
    return openSync(`${proc}/ns/user`, "r");
  } catch (cause) {
    throw fail("internal", { reason: "Failed to create a user namespace: are they allowed on this machine?" }, cause);
  } finally {
    child.stdin.destroy();
    child.kill("SIGKILL");
  }
}

async function entered(proc: string, own: string): Promise<void> {
  const deadline = Date.now() + 5000;
  while (Date.now() < deadline) {
    try {
      if (readlinkSync(`${proc}/ns/user`) !== own) return;
    } catch {
      // not there yet
    }
    await sleep(1);
  }
  throw new Error("unshare did not enter a user namespace");
}
