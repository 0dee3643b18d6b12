// The layout of cgroups that a daemon under test sees.
import assert from "node:assert/strict";
import type { Daemon } from "./daemon.ts";

/** The machine's cgroups go, and cgroup v2 alone comes in their place; only the daemon's namespace sees it. */
export async function unifyCgroups(daemon: Daemon): Promise<void> {
  const { code, stderr } = await daemon.inNamespace("sh", "-c", "while umount -R -l /sys; do :; done 2> /dev/null; mount -t sysfs sysfs /sys && mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  assert.equal(code, 0, stderr);
}
