// Projects for the users of this machine who may run containers without administering berthd: each has one of its own,
// made when it comes for the first time, and sees nothing else.
import { administrator, type Caller } from "../auth/caller.ts";
import { fail } from "../api/errors.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { findRootDisk } from "../devices/check.ts";
import { createProject } from "./change.ts";
import { defaultProject } from "./store.ts";

/** What a user gets of the machine: a disk in the pool and an interface on the network that others have, too. */
interface Share {
  pool: string | undefined;
  network: string | undefined;
}

function shareOf(ctx: Context): Share {
  const devices = ctx.profiles.find(defaultProject, "default")?.devices ?? {};
  const nic = Object.values(devices).find((device) => device["type"] === "nic" && device["network"]);
  return { pool: findRootDisk(devices)?.pool ?? ctx.pools.list()[0]?.name, network: nic?.["network"] };
}

/** Restricted in all that reaches the host; containers in containers are what users want, and do not. */
function configFor({ network }: Share): Config {
  return {
    "features.images": "true", "features.networks": "false", "features.profiles": "true", "features.storage.volumes": "true",
    restricted: "true", "restricted.containers.nesting": "allow", "restricted.snapshots": "allow",
    ...(network ? { "restricted.networks.access": network } : { "restricted.devices.nic": "block" }),
  };
}

function devicesFor({ pool, network }: Share): DeviceMap {
  return {
    ...(pool ? { root: { type: "disk", path: "/", pool } } : {}),
    ...(network ? { eth0: { type: "nic", name: "eth0", network } } : {}),
  };
}

export interface User {
  uid: number;
  name: string;
}

/** Who a user of this machine is to berthd, and the project it is in. Makes the project when it is not there. Throws `users_not_ready`. */
export function enterProject(ctx: Context, { uid, name }: User): { caller: Caller; project: string } {
  const requestor = { username: name, protocol: "unix", address: "@" } as const;
  if (uid === 0) return { caller: administrator(requestor), project: defaultProject };
  const project = `user-${uid}`;
  if (!ctx.projects.find(project)) {
    const share = shareOf(ctx);
    if (!share.pool) throw fail("users_not_ready");
    const config = configFor(share);
    createProject(ctx, { name: project, description: `User restricted project for "${name}" (${uid})`, config }, { config: {}, devices: devicesFor(share) });
    ctx.events.lifecycle({ action: "project-created", source: `/1.0/projects/${project}`, requestor }, project);
  }
  return { caller: { requestor, trusted: true, admin: false, accessTo: (name) => (name === project ? "edit" : undefined) }, project };
}
