// The root folder that an instance's file requests are resolved in: the guest's own while it runs, with all that is
// mounted there, else its volume's.
import { closeSync, constants, openSync, readlinkSync, statSync } from "node:fs";
import { fail } from "../../api/errors.ts";
import type { Context } from "../../context.ts";
import { formatDevice } from "../../host/device-number.ts";
import { hasCode } from "../../host/libc.ts";
import type { IdMap } from "../../host/user-namespace.ts";
import { currentIdMap } from "../idmap.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "../store.ts";
import { assertAnswers, O_PATH, type Root } from "./walk.ts";

export interface GuestRoot extends Root {
  readonly map: IdMap;
}

/** Pinned, not opened: a guest's root may be any file system. */
function openFolder(path: string): number {
  return openSync(path, constants.O_DIRECTORY | O_PATH);
}

/** The root that a running instance's init sees; undefined when that has just ended. */
function openOfInit(init: number): number | undefined {
  try {
    const fd = openFolder(`/proc/${init}/root`);
    if (readlinkSync(`/proc/${init}/ns/pid`) !== readlinkSync("/proc/self/ns/pid")) return fd;
    closeSync(fd); // the pid is another's by now
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ESRCH")) throw error;
  }
  return undefined;
}

async function openOfVolume(ctx: Context, instance: InstanceRecord, map: IdMap): Promise<number> {
  const driver = ctx.pools.driver(instance.pool);
  try {
    await driver.ensureMounted(volumeOf(instance), map);
    return openFolder(`${driver.folder(systemNameOf(instance))}/rootfs`);
  } catch (error) {
    if (hasCode(error, "ENOENT")) throw fail("instance_not_found"); // it is being deleted
    throw error;
  }
}

/** Lends the root of an instance, whatever its state. Throws `file_served` for one that has gone into a file system of a program's. */
export async function withRoot<T>(ctx: Context, instance: InstanceRecord, work: (root: GuestRoot) => Promise<T>): Promise<T> {
  const map = currentIdMap(instance);
  const running = ctx.runtime.get(systemNameOf(instance));
  const ofGuest = running && openOfInit(running.init);
  const fd = ofGuest ?? (await openOfVolume(ctx, instance, map));
  try {
    const device = formatDevice(statSync(`${ctx.pools.driver(instance.pool).folder(systemNameOf(instance))}/rootfs`).dev);
    const root = { fd, map, device, init: ofGuest === undefined ? undefined : running?.init };
    if (root.init !== undefined) assertAnswers(root, fd, "/");
    return await work(root);
  } finally {
    closeSync(fd);
  }
}
