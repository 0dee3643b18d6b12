// Starting a container with lxc-start.
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "../api/errors.ts";
import { childEnv, findProgram, lastWords } from "../host/run.ts";
import { spawnProgram } from "../host/spawn.ts";
import { hasCode } from "../host/libc.ts";
import { removeLeftCgroups } from "./cgroup.ts";
import { type ContainerProcesses, findInit } from "./processes.ts";

export interface StartFiles {
  lxcPath: string;
  name: string;
  config: string;
  /** Where the monitor's pid is written. */
  pidFile: string;
  /** Where lxc-start's own words go. */
  output: string;
  /** liblxc's log. */
  log: string;
  /** What the guest wrote to its console. */
  console: string;
}

/** Starts a container and resolves once its init runs. Throws `start_failed` with liblxc's last words. */
export async function startContainer(files: StartFiles): Promise<ContainerProcesses> {
  const args = ["-d", "-P", files.lxcPath, "-n", files.name, "-f", files.config, "-p", files.pidFile];
  const output = openSync(files.output, "w", 0o600);
  try {
    // Where liblxc finds no newuidmap (in /usr/bin) it writes the id maps itself, which saves four processes.
    const env = childEnv({ PATH: "/usr/sbin:/sbin" });
    const starter = spawnProgram({ program: findProgram("lxc-start"), args: ["lxc-start", ...args], env, cwd: "/", stdio: ["/dev/null", output, output] });
    const { code } = await starter.exit;
    if (code !== 0) {
      await removeLeftCgroups(files.name);
      throw fail("start_failed", { name: files.name, reason: reasonIn(files) });
    }
  } finally {
    closeSync(output);
  }
  return running(files);
}

async function running(files: StartFiles): Promise<ContainerProcesses> {
  const monitor = Number(readText(files.pidFile).trim());
  for (let tries = 0; tries < 50; tries++) {
    const init = monitor > 0 ? findInit(monitor) : undefined;
    if (init !== undefined) return { monitor, init };
    await sleep(2);
  }
  throw fail("start_failed", { name: files.name, reason: `its init ended at once. ${lastWords(readText(files.console), 3) || reasonIn(files)}`.trim() });
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}

/** What liblxc says of any start that fails, after it has said why. */
const noise = /An error occurred in another process|Received container state "|Failed to spawn container|Failed to setup (container|sysctl parameters|resource limits)\b(?! \S+ to )/;

/** What liblxc's log, or lxc-start itself, says went wrong. */
function reasonIn(files: StartFiles): string {
  const errors = readText(files.log).split("\n").filter((line) => / ERROR /.test(line))
    .map((line) => line.replace(/^\S+ \S+ \S+ ERROR\s+\S+ - \S+ - /, ""));
  const own = readText(files.output).split("\n").filter((line) => !/lxc_container|tools\/lxc_start\.c/.test(line)).join("\n");
  const causes = errors.filter((line) => !noise.test(line));
  return lastWords([...new Set(causes.length > 0 ? causes : errors)].join("\n")) || lastWords(own) || lastWords(readText(files.output)) || "lxc-start gave no reason";
}
