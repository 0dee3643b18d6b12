// lxcfs: started when it is installed and not running, and ended again if it was us.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { forget, recall, remember } from "./state.mjs";
import { run } from "./step.mjs";

const mountPoint = "/var/lib/lxcfs";

function running() {
  return readFileSync("/proc/self/mountinfo", "utf8").includes(` ${mountPoint} `);
}

/** Whether systemd runs this machine. */
export const hasSystemd = () => existsSync("/run/systemd/system");

/** `child`: once it has ended there is nothing left to wait for. */
async function becomesMounted(child) {
  for (const until = Date.now() + 5000; Date.now() < until && !(child?.exitCode > 0); ) {
    if (running()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

/** Containers do without lxcfs, so a failure is only told. */
export async function startLxcfs() {
  if (running()) return "running";
  if (!existsSync("/usr/bin/lxcfs")) return "not installed: containers will see the host's memory and uptime";
  if (!existsSync("/dev/fuse")) return "this machine has no /dev/fuse: containers will see the host's memory and uptime";
  mkdirSync(mountPoint, { recursive: true });
  if (hasSystemd()) {
    await run("systemctl", ["start", "lxcfs.service"]).catch(() => {});
    return (await becomesMounted()) ? "started its service" : "its service did not start (systemctl status lxcfs)";
  }
  const child = spawn("/usr/bin/lxcfs", [mountPoint], { detached: true, stdio: "ignore", cwd: "/" });
  child.on("error", () => {});
  child.unref();
  if (!(await becomesMounted(child))) return "it did not start: containers will see the host's memory and uptime";
  remember({ lxcfs: child.pid });
  return `started (pid ${child.pid})`;
}

/** Ends the lxcfs that `startLxcfs` started without systemd. */
export async function stopLxcfs() {
  const pid = recall().lxcfs;
  if (!pid) return "";
  forget("lxcfs");
  const name = existsSync(`/proc/${pid}/comm`) ? readFileSync(`/proc/${pid}/comm`, "utf8").trim() : "";
  if (name !== "lxcfs") return "";
  process.kill(pid, "SIGTERM");
  for (let i = 0; i < 50 && existsSync(`/proc/${pid}`); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  if (running()) await run("umount", ["-l", mountPoint]).catch(() => {});
  return `ended (pid ${pid})`;
}
