// `dnsmasq.pid`: what was started, so that the daemon that comes next knows it again. The process is
// believed only when its command line agrees: process ids are used again.
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { replaceFile } from "../../server/host/replace-file.ts";
import { dnsmasqFiles } from "./render.ts";

/** Everything a dnsmasq is started from. */
export interface DnsmasqPlan {
  readonly network: string;
  /** The network's own folder. */
  readonly dir: string;
  readonly args: readonly string[];
  /** Content of its configuration file. */
  readonly raw: string;
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The file's text: YAML, its strings quoted as in JSON. */
export function renderPidFile(pid: number, plan: Pick<DnsmasqPlan, "args" | "raw">): string {
  const args = plan.args.map((arg) => `- ${JSON.stringify(arg)}`);
  return ["name: dnsmasq", "args:", ...args, `pid: ${pid}`, `raw_sha256: ${digest(plan.raw)}`, ""].join("\n");
}

export function writePidFile(pid: number, plan: DnsmasqPlan): void {
  replaceFile(dnsmasqFiles(plan.dir).pid, renderPidFile(pid, plan), 0o644);
}

export function removePidFile(dir: string): void {
  rmSync(dnsmasqFiles(dir).pid, { force: true });
}

/** The process id on record and the text that process was started from. */
export function readPidFile(dir: string): { pid: number; text: string } | undefined {
  try {
    const text = readFileSync(dnsmasqFiles(dir).pid, "utf8");
    const pid = Number(/^pid: (\d+)$/m.exec(text)?.[1]);
    return pid > 1 ? { pid, text } : undefined;
  } catch {
    return undefined;
  }
}

/** The words a process was started with; none when it is gone (or is only waited for). */
export function readCommandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

/** Whether a process is the dnsmasq of the network in that folder, however it was configured. */
export function isDnsmasqOf(pid: number, dir: string): boolean {
  const [tool, ...args] = readCommandLine(pid);
  return tool !== undefined && basename(tool) === "dnsmasq" && args.includes(`--conf-file=${dnsmasqFiles(dir).raw}`);
}

/** Whether a process was started with exactly these arguments. */
export function isDnsmasqWith(pid: number, args: readonly string[]): boolean {
  const [tool, ...found] = readCommandLine(pid);
  return tool !== undefined && basename(tool) === "dnsmasq" && found.length === args.length && found.every((arg, i) => arg === args[i]);
}
