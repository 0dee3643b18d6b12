// The program dist/berth-guest-mounts: enters the mount namespace of a guest (descriptor 3), does one thing there and ends.
// It is a process of its own because the daemon could not come back, and because a guest's file system may never answer.
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { CLONE_FS, CLONE_NEWNS, hasCode, MNT_DETACH, moveMount, openat2, setns, umount, unlinkAt, unshare } from "../libc.ts";
import { type Mount, parseMounts } from "../mountinfo.ts";
import type { GuestAnswer, GuestRequest, MountIdentity } from "./request.ts";
import { ensureTarget, findTarget, TargetError } from "./target.ts";

const [namespaceFd, treeFd] = [3, 4];
const O_PATH = 0o10000000;

/** The host's /proc: the guest's own could tell anything. */
const proc = openSync("/proc/self", O_PATH | constants.O_DIRECTORY);

function readProc(file: string): string {
  const fd = openat2(proc, file, constants.O_RDONLY, 0, 0);
  try {
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** The mount that what a descriptor names lies in. */
function mountOfFd(fd: number): Mount | undefined {
  const id = Number(/^mnt_id:\s*(\d+)/m.exec(readProc(`fdinfo/${fd}`))?.[1]);
  return parseMounts(readProc("mountinfo")).find((one) => one.id === id);
}

function mountAt(root: number, request: GuestRequest & { action: "mount" }): GuestAnswer {
  const target = ensureTarget(root, request.path, request.directory, request.map);
  moveMount(treeFd, target);
  const mounted = findTarget(root, request.path);
  return { point: mounted === undefined ? request.path : (mountOfFd(mounted)?.point ?? request.path) };
}

const isOne = (mount: Mount, expected: readonly MountIdentity[]) => expected.some(({ device, root }) => device === mount.device && root === mount.root);

function unmountAt(root: number, request: GuestRequest & { action: "unmount" }): GuestAnswer {
  for (let layer = 0; layer < 8; layer++) {
    const target = findTarget(root, request.path);
    const mount = target === undefined ? undefined : mountOfFd(target);
    if (target !== undefined) closeSync(target);
    if (!mount || !isOne(mount, request.expected)) break;
    try {
      umount(mount.point, MNT_DETACH);
    } catch (error) {
      if (hasCode(error, "EINVAL")) break; // the path lies within it
      throw error;
    }
  }
  if (request.removeFile) removeEmpty(root, request.path);
  return {};
}

function removeEmpty(root: number, file: string): void {
  const [folder, found] = [findTarget(root, path.dirname(file)), findTarget(root, file)];
  if (folder !== undefined && found !== undefined && fstatSync(found).isFile() && fstatSync(found).size === 0) unlinkAt(folder, path.basename(file));
}

function work(request: GuestRequest): GuestAnswer {
  unshare(CLONE_FS); // the threads of Node share their root folder
  setns(namespaceFd, CLONE_NEWNS);
  const root = openSync("/", O_PATH | constants.O_DIRECTORY);
  return request.action === "mount" ? mountAt(root, request) : unmountAt(root, request);
}

function answer(): GuestAnswer {
  try {
    return work(JSON.parse(process.argv[2] ?? "") as GuestRequest);
  } catch (error) {
    if (error instanceof TargetError) return { refused: error.message };
    return { refused: (error as Error).message };
  }
}

process.stdout.write(`${JSON.stringify(answer())}\n`);
