// berthd cleanup: takes from the machine what outlives the daemon, before it is removed: bridges, dnsmasq, firewall rules, mounts, lxcfs.
// Nothing of it is lost: the next berthd brings it back.
import { closeSync, existsSync } from "node:fs";
import { withdrawNetwork } from "../networks/network.ts";
import { fail } from "./api/errors.ts";
import { openDatabase } from "./db/open.ts";
import { run } from "./host/run.ts";
import { unmountBelow } from "./host/mounts.ts";
import { stopOwnLxcfs } from "./lxc/lxcfs.ts";
import { findContainers } from "./lxc/processes.ts";
import { Networks } from "./managed-networks/networks.ts";
import { takeLock } from "./own-folder.ts";
import { Paths } from "./paths.ts";
import { Warnings } from "./warnings/warnings.ts";

/** Throws `bad_request` while a berthd runs, and `instances_running`. */
export async function cleanUp(directory: string): Promise<void> {
  const paths = new Paths(directory);
  if (!existsSync(paths.database)) return;
  const lock = await takeLock(paths);
  try {
    const running = [...findContainers(paths.containers).keys()];
    if (running.length > 0) throw fail("instances_running", { names: running.join(", ") });
    const db = openDatabase(paths.database);
    try {
      for (const { name } of new Networks(db, paths, new Warnings(db)).list()) await withdrawNetwork({ name, dir: `${paths.networks}/${name}` }, { run });
    } finally {
      db.close();
    }
    stopOwnLxcfs(paths.lxcfs);
    unmountBelow(paths.root);
  } finally {
    closeSync(lock);
  }
}
