// The root folder that an instance's file requests are resolved in: the guest's own while it runs, with all that is
// mounted there, else its volume's.
import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import { fail } from "../../api/errors.ts";
import type { Context } from "../../context.ts";
import { hasCode } from "../../host/libc.ts";
import type { IdMap } from "../../host/user-namespace.ts";
import { currentIdMap } from "../idmap.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "../store.ts";

export interface GuestRoot {
  /** A descriptor of the folder. */
  fd: number;
  map: IdMap;
}

function openFolder(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
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

/** Lends the root of an instance, whatever its state. */
export async function withRoot<T>(ctx: Context, instance: InstanceRecord, work: (root: GuestRoot) => Promise<T>): Promise<T> {
  const map = currentIdMap(instance);
  const running = ctx.runtime.get(systemNameOf(instance));
  const fd = (running && openOfInit(running.init)) ?? (await openOfVolume(ctx, instance, map));
  try {
    return await work({ fd, map });
  } finally {
    closeSync(fd);
  }
}
