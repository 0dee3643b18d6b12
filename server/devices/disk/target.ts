// Where liblxc is to mount a disk when the guest starts. It follows no links, so those of the guest's root file system,
// which nobody changes while the guest is stopped, are followed here, without leaving it.
import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import { hasCode, openat2, RESOLVE } from "../../host/libc.ts";
import type { DeviceCall } from "../device.ts";
import { deviceError } from "../staging.ts";
import { cleanPath } from "./options.ts";

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
        return { real, rest: names.slice(count) };
      } catch (error) {
        if (count === 0 || !hasCode(error, "ENOENT")) throw error;
      }
    }
  } finally {
    closeSync(rootFd);
  }
}

/** The path of a disk in the guest, links resolved. `outer`: the disks that are mounted before, with where they are staged. */
export function coldTarget(call: DeviceCall, outer: readonly { path: string; place: string }[]): string {
  const target = cleanPath(call.options["path"] ?? "");
  if (isMounted(target)) return target;
  const around = outer.filter((one) => target.startsWith(`${one.path}/`)).at(-1);
  try {
    if (around) {
      // Whoever else can write to that disk may put links there: none is followed.
      resolve(around.place, target.slice(around.path.length + 1).split("/"), RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS);
      return target;
    }
    const { real, rest } = resolve(call.instance.rootfs, target.slice(1).split("/"), RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
    const resolved = `${real}/${rest.join("/")}`.replace(/(.)\/$/, "$1");
    if (resolved === "/" || resolved === "") throw deviceError(call.name, `${target} is a link to the root folder in the guest`);
    return resolved;
  } catch (error) {
    if (hasCode(error, "ELOOP", "ENOTDIR", "EXDEV")) throw deviceError(call.name, `${target} leads through a link, or through something that is no folder`, error);
    throw error;
  }
}
