// In a container, the cgroup hierarchies (v1) that its init did not mount. systemd mounts cpu and cpuacct together; where the
// machine has them apart that fails, links to an empty folder are left in their places, and liblxc starts nothing then.
import { lstatSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { hasCode, MS, mount } from "../host/libc.ts";
import { inUserNamespace } from "../host/user-namespace.ts";
import { explain, log } from "../log.ts";

const root = "/sys/fs/cgroup";
const careful = MS.NOSUID | MS.NODEV | MS.NOEXEC;

/** The v1 hierarchies in the text of /proc/self/cgroup, by their controllers. */
export function hierarchiesIn(text: string): string[] {
  return text.trim().split("\n").map((line) => line.split(":")[1] ?? "").filter((names) => names !== "" && !names.startsWith("name="));
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

/** Mounts what is missing. That it cannot is a warning: a container may start without. */
export function mountMissingCgroups(): void {
  if (!inUserNamespace()) return;
  const missing = hierarchiesIn(readFileSync("/proc/self/cgroup", "utf8")).filter((names) => isLink(`${root}/${names}`));
  if (missing.length === 0) return;
  try {
    mount("none", root, "", MS.REMOUNT | careful, "");
    for (const names of missing) {
      rmSync(`${root}/${names}`);
      mkdirSync(`${root}/${names}`, { mode: 0o755 });
      mount("cgroup", `${root}/${names}`, "cgroup", careful, names);
    }
    mount("none", root, "", MS.REMOUNT | MS.RDONLY | careful, "");
    log.info("mounted cgroup hierarchies that this container's init had not", { controllers: missing.join(" ") });
  } catch (error) {
    log.warn("cgroup hierarchies that this container's init had not mounted cannot be", { controllers: missing.join(" "), error: explain(error) });
  }
}
