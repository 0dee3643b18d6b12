// Folders of tests: short names, because a socket's path has at most 108 bytes, and on a disk, because images lie in them.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, statfsSync } from "node:fs";

const tmpfs = 0x01021994;

/** The mark of a run of `npm test` in the names of what its tests make; "x" for a file that is run by hand. */
export const runId = process.env["BERTH_TEST_RUN"] ?? "x";

/** Makes a folder that containers' users may pass through. */
export function makeFolder(): string {
  const parent = statfsSync("/tmp").type === tmpfs ? "/var/tmp" : "/tmp";
  const folder = mkdtempSync(`${parent}/berth-test-${runId}-`);
  chmodSync(folder, 0o711);
  return folder;
}

/** Unmounts whatever is mounted below a folder in this mount namespace, the deepest first. */
export function unmountBelow(folder: string): void {
  const points = readFileSync("/proc/self/mountinfo", "utf8").split("\n").map((line) => line.split(" ")[4] ?? "");
  for (const point of points.filter((path) => path.startsWith(`${folder}/`)).sort().reverse()) spawnSync("umount", ["-l", point]);
}
