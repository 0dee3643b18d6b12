// Mounting and unmounting in the mount namespace of a guest that runs, by a helper (helper.ts) that enters it.
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { childEnv, lastWords } from "../run.ts";
import type { IdMap } from "../user-namespace.ts";
import type { GuestAnswer, GuestRequest, MountIdentity } from "./request.ts";

export type { MountIdentity } from "./request.ts";

/** What a guest made impossible, in words for users. */
export class GuestRefusal extends Error {
  override readonly name = "GuestRefusal";
}

/** How long the helper may take, in ms: a file system in the guest may never answer. */
const patience = 15_000;

/** Puts a detached mount at a path in the guest with this init; gives the place, links resolved. Throws GuestRefusal. */
export async function mountInGuest(init: number, treeFd: number, guestPath: string, directory: boolean, map: IdMap): Promise<string> {
  const { point } = await ask(init, { action: "mount", path: guestPath, directory, map }, treeFd);
  return point ?? guestPath;
}

/** Takes mounts of these identities away from a path in the guest. Throws GuestRefusal. */
export async function unmountInGuest(init: number, guestPath: string, expected: readonly MountIdentity[], removeFile: boolean): Promise<void> {
  await ask(init, { action: "unmount", path: guestPath, expected, removeFile });
}

async function ask(init: number, request: GuestRequest, treeFd?: number): Promise<GuestAnswer> {
  const namespace = openSync(`/proc/${init}/ns/mnt`, "r");
  try {
    const { refused, ...answer } = await runHelper(request, treeFd === undefined ? [namespace] : [namespace, treeFd]);
    if (refused !== undefined) throw new GuestRefusal(refused);
    return answer;
  } finally {
    closeSync(namespace);
  }
}

const program = () => path.join(path.dirname(fileURLToPath(import.meta.url)), "berth-guest-mounts");

function runHelper(request: GuestRequest, fds: readonly number[]): Promise<GuestAnswer> {
  const child = spawn(process.execPath, [program(), JSON.stringify(request)], { stdio: ["ignore", "pipe", "pipe", ...fds], env: childEnv(), cwd: "/" });
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("utf8");
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString("utf8")).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      child.unref();
      reject(new GuestRefusal("a file system in the guest does not answer"));
    }, patience);
    child.once("error", reject);
    child.once("close", () => {
      clearTimeout(late);
      try {
        resolve(JSON.parse(stdout) as GuestAnswer);
      } catch {
        reject(new Error(`the helper for mounts in guests ended early: ${lastWords(stderr)}`));
      }
    });
  });
}
