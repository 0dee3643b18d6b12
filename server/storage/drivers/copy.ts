// Copying an image's files so that they belong to a container's ids: packed by root, unpacked by the root
// of a user namespace with the container's map, which writes shifted owners and file capabilities itself.
import { spawn } from "node:child_process";
import { chownSync } from "node:fs";
import { fail } from "../../api/errors.ts";
import { childEnv, lastWords, spawnError } from "../../host/run.ts";
import { type IdMap, userNamespace } from "../../host/user-namespace.ts";
import { rootIds } from "../../lxc/idmap.ts";

const preserve = ["--numeric-owner", "--xattrs", "--acls", "--sparse"];

export async function copyShifted(source: string, target: string, map: IdMap): Promise<void> {
  const { uid, gid } = rootIds(map);
  chownSync(target, uid, gid);
  const namespace = await userNamespace(map);
  // When the daemon is killed so is the packer, and the unpacker ends for want of input.
  const pack = spawn("setpriv", ["--pdeathsig=KILL", "--", "tar", ...preserve, "-C", source, "--exclude=./dev/*", "-cf", "-", "."], { stdio: ["ignore", "pipe", "pipe"], env: childEnv() });
  const unpack = spawn(
    "nsenter", ["--user=/proc/self/fd/3", "--setuid", "0", "--setgid", "0", "tar", ...preserve, "-C", target, "-xpf", "-"],
    { stdio: [pack.stdout, "ignore", "pipe", namespace], env: childEnv() },
  );
  pack.stdout.destroy(); // the unpacker has it now: when it ends early, so must the packer
  await Promise.all([ended("tar", pack, target), ended("nsenter", unpack, target)]);
}

function ended(tool: string, child: ReturnType<typeof spawn>, target: string): Promise<void> {
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString("utf8")).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(spawnError(tool, cause)));
    child.once("close", (code, signal) => {
      if (code === 0 || signal === "SIGPIPE") resolve(); // whoever should have read tells why it did not
      else if (/No space left|Disk quota exceeded|Wrote only \d+ of/.test(words)) reject(fail("disk_full", { path: target }));
      else reject(fail("tool_failed", { tool, reason: lastWords(words) || `exit status ${code}` }));
    });
  });
}
