// Folders for work in progress. Each is locked by its process: what a killed one has left, the next one removes.
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { tryLock } from "../../server/host/libc.ts";
import { removeTree } from "../../server/host/mounts.ts";

const prefix = ".berth-build-";

export interface WorkFolder extends Disposable {
  path: string;
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const lock = join(parent, name, "lock");
    if (!name.startsWith(prefix) || !existsSync(lock)) continue;
    const fd = openSync(lock, "r");
    try {
      if (tryLock(fd)) removeTree(join(parent, name));
    } finally {
      closeSync(fd);
    }
  }
}

/** Makes a folder in `parent` that goes with all that is in it. */
export function makeWorkFolder(parent: string): WorkFolder {
  removeAbandoned(parent);
  const path = mkdtempSync(join(parent, prefix));
  chmodSync(path, 0o700);
  const lock = openSync(join(path, "lock"), "w");
  tryLock(lock);
  return {
    path,
    [Symbol.dispose]() {
      removeTree(path);
      closeSync(lock);
    },
  };
}
