// Doing a file operation with the ids of a container's root, and the daemon's capabilities. An overlay
// works with the ids of whoever mounts it, and a file made through an idmapped mount needs an owner that
// the map knows: for both, host root is nobody.
import { getCapabilities, setCapabilities, setFsIds } from "./libc.ts";

/**
 * Runs `work` with file-system ids `uid` and `gid`. `work` must be synchronous: the ids belong to the
 * thread, and nothing else may run on it meanwhile.
 */
export function asContainerRoot<T>(uid: number, gid: number, work: () => T): T {
  const capabilities = getCapabilities();
  setFsIds(uid, gid); // drops file capabilities from the effective set
  try {
    setCapabilities(capabilities);
    return work();
  } finally {
    setFsIds(0, 0);
    setCapabilities(capabilities);
  }
}
