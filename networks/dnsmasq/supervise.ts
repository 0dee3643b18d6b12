// Keeps a network's dnsmasq alive: whatever ends it, it comes back. It gives up never, only slows down.
import { truncateSync, statSync } from "node:fs";
import { explain, log } from "../../server/log.ts";
import { type DnsmasqPlan, isDnsmasqOf } from "./pid-file.ts";
import { type Dnsmasq, reloadDnsmasq, startDnsmasq, stopDnsmasq } from "./process.ts";
import { dnsmasqFiles } from "./render.ts";

export interface DnsmasqSupervisor {
  /** The process id; undefined while it is being restarted. */
  pid(): number | undefined;
  /** Lets it read its hosts files again, at once or as soon as it serves. */
  reload(): void;
  /** Ends the watch; dnsmasq goes on. Resolves when no restart is under way any more. */
  detach(): Promise<void>;
  /** Ends the watch and dnsmasq. */
  stop(): Promise<void>;
}

const firstDelay = 100;
const longestDelay = 30_000;
/** Milliseconds after which a dnsmasq counts as healthy: its next death is a first one again. */
const healthyAfter = 10_000;
const checkEvery = 1000;
const logLimit = 1024 * 1024;

function limitLog(dir: string): void {
  const { log: path } = dnsmasqFiles(dir);
  try {
    if (statSync(path).size > logLimit) truncateSync(path); // it is opened for appending
  } catch {
    // no log, nothing to limit
  }
}

/** Watches a dnsmasq that serves, and restarts it from the plan when it dies. */
export function superviseDnsmasq(plan: DnsmasqPlan, first: Dnsmasq): DnsmasqSupervisor {
  const { network, dir } = plan;
  let current: Dnsmasq | undefined;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  let starting: Promise<void> | undefined;
  let since = 0;
  let delay = firstDelay;

  function watch(dnsmasq: Dnsmasq): void {
    current = dnsmasq;
    since = Date.now();
    const { child, pid } = dnsmasq;
    const died = (how: string): void => {
      if (current === dnsmasq) onDeath(how);
    };
    if (child && child.exitCode === null && child.signalCode === null) {
      child.once("exit", (code, killedBy) => died(killedBy ?? `status ${code}`));
      return;
    }
    timer = setInterval(() => {
      if (!isDnsmasqOf(pid, dir)) died("unknown cause");
    }, checkEvery).unref();
  }

  function onDeath(how: string): void {
    clearInterval(timer);
    current = undefined;
    if (ended) return;
    delay = Date.now() - since > healthyAfter ? firstDelay : delay;
    log.warn("dnsmasq died, restarting it", { network, how, delay });
    restartLater();
  }

  function restartLater(): void {
    timer = setTimeout(() => {
      starting = restart().finally(() => (starting = undefined));
    }, delay).unref();
    delay = Math.min(delay * 2, longestDelay);
  }

  async function restart(): Promise<void> {
    try {
      const dnsmasq = await startDnsmasq(plan);
      watch(dnsmasq);
      reloadDnsmasq(dnsmasq, dir); // for what was written while it started
      if (!ended) log.info("dnsmasq serves again", { network, pid: dnsmasq.pid });
    } catch (error) {
      if (ended) return;
      log.error("dnsmasq could not be restarted", { network, error: explain(error), again_in: delay });
      restartLater();
    }
  }

  async function detach(): Promise<void> {
    ended = true;
    clearTimeout(timer);
    await starting;
    clearTimeout(timer);
  }

  watch(first);
  return {
    pid: () => current?.pid,
    reload() {
      limitLog(dir);
      if (current) reloadDnsmasq(current, dir);
    },
    detach,
    async stop() {
      await detach();
      await stopDnsmasq(dir);
    },
  };
}
