// Containers for tests, and the clients' environment for scripts that run them in pipes and terminals.
import { dirname } from "node:path";
import { berthPath, type Daemon } from "./daemon.ts";
import { type ExecOptions, exec, type Result } from "./exec.ts";
import { busyboxImages } from "./images.ts";
import { eventually } from "./wait.ts";

/** Imports the small image under the alias "busybox". */
export async function importBusybox(daemon: Daemon): Promise<void> {
  await daemon.run("image", "import", ...(await busyboxImages()).unified, "--alias", "busybox");
}

/** Launches the small image and waits until its init has run. */
export async function launch(daemon: Daemon, name: string, ...flags: string[]): Promise<void> {
  await daemon.run("launch", "busybox", name, ...flags);
  await eventually(async () => (await daemon.lxc("exec", name, "--", "test", "-e", "/run/booted")).code === 0, { what: `${name} has booted` });
}

/** Runs a script in a running container; it must succeed. Resolves with what it printed, trimmed. */
export async function inGuest(daemon: Daemon, name: string, script: string): Promise<string> {
  const { stdout, stderr, code } = await daemon.lxc("exec", name, "--", "sh", "-c", script);
  if (code !== 0) throw new Error(`in ${name}: ${script}: status ${code}\n${stderr}${stdout}`);
  return stdout.trim();
}

/** What `lxc` and `berth` need to find the daemon. */
export function clientEnv(daemon: Daemon): Record<string, string> {
  const base = dirname(daemon.dir);
  return {
    LXD_DIR: daemon.dir, LXD_CONF: `${base}/lxc`, LXD_SOCKET: "", BERTH_DIR: daemon.dir, BERTH_CONF: `${base}/conf`,
    PATH: `${dirname(berthPath)}:${process.env["PATH"]}`,
  };
}

/** Runs a shell script in which `lxc` and `berth` reach the daemon. */
export function shell(daemon: Daemon, script: string, options: ExecOptions = {}): Promise<Result> {
  return exec("sh", ["-c", script], { ...options, env: { ...clientEnv(daemon), ...options.env } });
}

/** Host pids of a daemon's processes, its containers' too, whose command line has a text in it. */
export function pidsOf(daemon: Daemon, text: string): number[] {
  return daemon.namespace.family().filter(({ pid, command }) => pid !== daemon.pid && command.includes(text) && !command.includes("lxc-attach")).map(({ pid }) => pid);
}
