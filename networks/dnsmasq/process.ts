// The dnsmasq process of a network: started so that it outlives the daemon, known again, and ended.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { childEnv, lastWords, spawnError } from "../../server/host/run.ts";
import { startFailed } from "../failure.ts";
import { makeHostsDir } from "./hosts.ts";
import { type DnsmasqPlan, isDnsmasqOf, isDnsmasqWith, readPidFile, removePidFile, renderPidFile, writePidFile } from "./pid-file.ts";
import { findPortHolder } from "./ports.ts";
import { dnsmasqFiles } from "./render.ts";

export interface Dnsmasq {
  readonly pid: number;
  /** Absent when it was started by a daemon before this one. */
  readonly child?: ChildProcess;
}

/** dnsmasq reads the hosts files after it has given up its rights. */
function assertReachable(network: string, dir: string): void {
  for (let at = dir; at !== "/" && at !== "."; at = at.slice(0, at.lastIndexOf("/")) || "/") {
    if ((statSync(at).mode & 0o001) === 0) {
      throw startFailed(network, `dnsmasq runs as an ordinary user and cannot pass through ${at}`, `Let it pass: chmod o+x ${at}`);
    }
  }
}

function prepareFiles({ network, dir, raw }: DnsmasqPlan): number {
  const files = dnsmasqFiles(dir);
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  makeHostsDir(files.hosts);
  makeHostsDir(files.names);
  assertReachable(network, files.hosts);
  writeFileSync(files.raw, raw === "" || raw.endsWith("\n") ? raw : `${raw}\n`, { mode: 0o600 });
  return openSync(files.log, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND, 0o640);
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Milliseconds after which a dnsmasq that neither reports nor dies counts as running. */
const patience = 500;

/** What this dnsmasq has logged: one that a crash left without a record may still write to the same file. */
export function linesOf(pid: number, log: string): string {
  const isOthers = (line: string) => Number(/^dnsmasq(?:-[\w-]+)?\[(\d+)\]: /.exec(line)?.[1] ?? pid) !== pid;
  return log.split("\n").filter((line) => !isOthers(line)).join("\n");
}

/** Waits until dnsmasq has bound its sockets and says so. Returns false when it died. */
async function waitUntilServing(child: ChildProcess, said: () => string): Promise<boolean> {
  const deadline = Date.now() + patience;
  while (!hasEnded(child)) {
    if (/: started, version /.test(said()) || Date.now() > deadline) return !hasEnded(child);
    await sleep(2);
  }
  return false;
}

const ports = { DHCPv6: 547, DHCP: 67, listening: 53 } as const;

function diagnose(plan: DnsmasqPlan, words: string): { hint: string; orphan?: number } {
  if (!/address already in use/i.test(words)) return { hint: `Its log is in ${dnsmasqFiles(plan.dir).log}.` };
  const port = /DHCPv6/.test(words) ? ports.DHCPv6 : /DHCP/.test(words) ? ports.DHCP : ports.listening;
  const address = plan.args.find((arg) => /^--listen-address=\d+\./.test(arg))?.split("=")[1] ?? "";
  const holder = findPortHolder(port, address);
  if (!holder) return { hint: `Port ${port} is taken: see who has it with \`ss -lnp sport = :${port}\`, and stop it.` };
  if (isDnsmasqOf(holder.pid, plan.dir)) return { hint: "", orphan: holder.pid };
  return {
    hint: `Port ${port} is taken by ${holder.command} (process ${holder.pid}). Stop it, or let it listen on its own interfaces only`
      + ` (for dnsmasq: bind-interfaces).`,
  };
}

function spawnDetached(plan: DnsmasqPlan, log: number): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn("dnsmasq", plan.args, { cwd: "/", env: childEnv(), stdio: ["ignore", log, log], detached: true });
    child.once("error", (cause) => reject(spawnError("dnsmasq", cause)));
    child.once("spawn", () => resolve(child));
    child.unref();
  });
}

/**
 * Starts a network's dnsmasq in a session of its own and waits until it serves. Throws
 * `network_start_failed` with its last words, `tool_missing`.
 */
export async function startDnsmasq(plan: DnsmasqPlan, mayRetry = true): Promise<Dnsmasq> {
  const log = prepareFiles(plan);
  let child: ChildProcess;
  try {
    child = await spawnDetached(plan, log);
  } finally {
    closeSync(log);
  }
  const pid = child.pid ?? 0;
  writePidFile(pid, plan);
  const said = () => linesOf(pid, readFileSync(dnsmasqFiles(plan.dir).log, "utf8"));
  if (await waitUntilServing(child, said)) return { pid, child };
  removePidFile(plan.dir);
  const words = lastWords(said()) || `it ended with ${child.exitCode ?? child.signalCode}`;
  const { hint, orphan } = diagnose(plan, words);
  if (orphan === undefined || !mayRetry) throw startFailed(plan.network, `dnsmasq: ${words.replace(/^dnsmasq: /, "")}`, hint);
  await endProcess(orphan, plan.dir); // one of ours that a crash left without a record
  return startDnsmasq(plan, false);
}

/** The dnsmasq that an earlier daemon left running, if it runs just as the plan says. */
export function adoptDnsmasq(plan: DnsmasqPlan): Dnsmasq | undefined {
  const record = readPidFile(plan.dir);
  if (!record || record.text !== renderPidFile(record.pid, plan) || !isDnsmasqWith(record.pid, plan.args)) return undefined;
  return { pid: record.pid };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Gone, or waited for only: a process loses its command line some time before its sockets are closed. */
function isGone(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

async function endProcess(pid: number, dir: string): Promise<void> {
  for (const [name, wait] of [["SIGTERM", 2000], ["SIGKILL", 2000]] as const) {
    if (!isDnsmasqOf(pid, dir)) return;
    signal(pid, name);
    for (const deadline = Date.now() + wait; !isGone(pid) && Date.now() < deadline; ) await sleep(1);
  }
}

/** Ends the dnsmasq of the network in that folder, if one runs, and waits for it. */
export async function stopDnsmasq(dir: string): Promise<void> {
  const record = readPidFile(dir);
  if (record) await endProcess(record.pid, dir);
  removePidFile(dir);
}

/** Lets dnsmasq read its hosts files again. It must be serving: before that the signal would end it. */
export function reloadDnsmasq({ pid }: Dnsmasq, dir: string): void {
  if (isDnsmasqOf(pid, dir)) signal(pid, "SIGHUP");
}
