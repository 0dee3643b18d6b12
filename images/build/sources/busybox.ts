// Next to nothing: this machine's static busybox, and links for all that it can be.
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "../../../server/api/errors.ts";
import { run } from "../../../server/host/run.ts";
import type { Beginning, Job } from "../job.ts";

const busybox = "/bin/busybox";
const folders = ["bin", "sbin", "usr/bin", "usr/sbin", "dev", "proc", "sys", "run", "root", "etc", "home", "var/log", "mnt"];

/** An ELF file that names no interpreter loads no libraries. */
function isStatic(file: string): boolean {
  const image = readFileSync(file);
  return !image.subarray(0, 64 * 1024).includes("/ld-linux") && !image.subarray(0, 64 * 1024).includes("/ld-musl");
}

export async function beginWithBusybox({ rootfs: { path: root } }: Job): Promise<Beginning> {
  if (!existsSync(busybox) || !isStatic(busybox)) throw fail("tool_missing", { tool: "busybox", package: "busybox-static" });
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true, mode: 0o755 });
  copyFileSync(busybox, join(root, "bin/busybox"));
  const { stdout } = await run(busybox, ["--list-full"]);
  for (const path of [...stdout.trim().split("\n"), "sbin/init"]) {
    const target = join(root, path);
    if (existsSync(target) || path.startsWith("linuxrc")) continue;
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(busybox, target);
  }
  return { created: Math.floor(statSync(busybox).mtimeMs / 1000), installed: [] };
}
