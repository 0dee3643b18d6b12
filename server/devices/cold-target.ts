// Where liblxc is to mount what a device brings when the guest starts. It follows no links, so those of the guest's root file system,
// which nobody changes while the guest is stopped, are followed here, without leaving it.
import { closeSync, constants, fstatSync, openSync, readlinkSync } from "node:fs";
import { hasCode, openat2, RESOLVE } from "../host/libc.ts";
import type { DeviceCall } from "./device.ts";
import { deviceError, listStaged } from "./staging.ts";

const O_PATH = 0o10000000;

/** Whether something else than the root file system will lie there. */
const isMounted = (target: string) => /^\/(dev|proc|sys)\//.test(target);

/** The deepest part of a path that exists below a folder, as it really is, and what is left of it. */
function resolve(root: string, names: readonly string[], flags: number): { real: string; rest: readonly string[] } {
  const rootFd = openSync(root, O_PATH | constants.O_DIRECTORY);
  try {
    const rootPath = readlinkSync(`/proc/self/fd/${rootFd}`);
    for (let count = names.length; ; count--) {
      try {
        const fd = openat2(rootFd, names.slice(0, count).join("/") || ".", O_PATH, 0, flags);
        const real = readlinkSync(`/proc/self/fd/${fd}`).slice(rootPath.length);
        closeSync(fd);
        if (count < names.length) assertNoLink(rootFd, names.slice(0, count + 1), flags);
        return { real, rest: names.slice(count) };
      } catch (error) {
        if (count === 0 || !hasCode(error, "ENOENT")) throw error;
      }
    }
  } finally {
    closeSync(rootFd);
  }
}

/** What could not be followed may be a link that leads nowhere. Throws ELOOP then. */
function assertNoLink(rootFd: number, names: readonly string[], flags: number): void {
  try {
    const fd = openat2(rootFd, names.join("/") || ".", O_PATH | constants.O_NOFOLLOW, 0, flags);
    const isLink = fstatSync(fd).isSymbolicLink();
    closeSync(fd);
    if (isLink) throw Object.assign(new Error(`${names.join("/")} is a link that leads nowhere`), { code: "ELOOP" });
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/** The disk that a path lies in, of those that are staged already; sorted by path, they come before all else. */
function diskAround({ all, host, instance }: DeviceCall, target: string) {
  const disks = new Set(all.filter(({ options }) => options["type"] === "disk").map(({ name }) => name));
  const around = listStaged(host.paths.devices(instance.systemName)).filter(({ device, path }) => disks.has(device) && target.startsWith(`${path}/`));
  return around.sort((a, b) => a.path.length - b.path.length).at(-1);
}

/** A clean path in the guest, links resolved. Throws `device_start_failed`. */
export function coldTarget(call: DeviceCall, target: string): string {
  if (isMounted(target)) return target;
  const around = diskAround(call, target);
  try {
    if (around) {
      // Whoever else can write to that disk may put links there: none is followed.
      resolve(around.place, target.slice(around.path.length + 1).split("/"), RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS);
      return target;
    }
    const { real, rest } = resolve(call.instance.rootfs, target.slice(1).split("/"), RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
    const resolved = [real, ...rest].join("/");
    if (resolved === "") throw deviceError(call.name, `${target} is a link to the root folder in the guest`);
    return resolved;
  } catch (error) {
    if (hasCode(error, "ELOOP", "ENOTDIR", "EXDEV")) throw deviceError(call.name, `${target} leads through a link, or through something that is no folder`, error);
    throw error;
  }
}
