// The door to this folder: a managed network from its configuration to packets and back. It knows no
// database and no HTTP; who calls it keeps the configuration and lets only one change run at a time.
import { existsSync, readFileSync, rmSync } from "node:fs";
import type { NetworkLease } from "../server/api/networks.ts";
import type { Config } from "../server/api/schemas.ts";
import { explain, log } from "../server/log.ts";
import { applyBridge } from "./bridge/apply.ts";
import { removeBridge } from "./bridge/remove.ts";
import { hasIpv6 } from "./bridge/sysctl.ts";
import { deleteHost, type HostEntry, listFiles, listHosts, makeHostsDir, nameOfFile, writeHost } from "./dnsmasq/hosts.ts";
import { isOfProject, renderNames, within, writeNames } from "./dnsmasq/names.ts";
import { readLeases } from "./dnsmasq/leases.ts";
import type { DnsmasqPlan } from "./dnsmasq/pid-file.ts";
import { adoptDnsmasq, reloadDnsmasq, startDnsmasq, stopDnsmasq } from "./dnsmasq/process.ts";
import { releaseLease } from "./dnsmasq/release.ts";
import { dnsmasqFiles, findAccount, needsDnsmasq, renderArgs } from "./dnsmasq/render.ts";
import { type DnsmasqSupervisor, superviseDnsmasq } from "./dnsmasq/supervise.ts";
import { listLeaseRows } from "./lease-list.ts";
import { assertNetworkName } from "./name.ts";
import { applyRules, removeRules } from "./nftables/apply.ts";
import type { NetworkHost } from "./resolve.ts";
import { type BridgeSettings, readSettings } from "./settings.ts";

export type { HostEntry } from "./dnsmasq/hosts.ts";
export { type HostInterface, listHostInterfaces, readNetworkState } from "./interfaces.ts";
export { assertNetworkName, checkNetworkName } from "./name.ts";
export { type NetworkHost, resolveConfig } from "./resolve.ts";

export interface ManagedNetwork {
  readonly name: string;
  /** Resolved: no address is `auto` any more. */
  readonly config: Config;
  /** Its own folder, absolute. */
  readonly dir: string;
}

/** A network that is up. Ends with `stop` (the daemon goes) or `remove` (the network goes). */
export interface RunningNetwork {
  /** Makes a changed configuration hold; ports stay attached. Goes back when that fails, and throws `network_start_failed`. */
  update(config: Config): Promise<void>;
  /** Tells DHCP and DNS about an instance's interface; `file` is `[PROJECT_]INSTANCE.DEVICE`. */
  setHost(file: string, entry: HostEntry): void;
  /** Forgets an instance's interface and ends its IPv4 lease. */
  removeHost(file: string): Promise<void>;
  /** Forgets the interfaces that it was not told of since it was started: what a daemon that was killed left of others. */
  removeUntold(): Promise<void>;
  leases(): NetworkLease[];
  /** Ends the watch. With `keepRunning` all stays up for the daemon that comes next; without, dnsmasq ends. */
  stop(options: { keepRunning: boolean }): Promise<void>;
  /** Takes dnsmasq, rules, bridge and folder away. Idempotent. */
  remove(): Promise<void>;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

/** What a network's MAC address follows from: the same on each start, another on another machine. */
const macSeed = ({ name, dir }: ManagedNetwork): string => [readText("/etc/machine-id"), dir, name].join("\n");

function readUsable(name: string, config: Config): BridgeSettings {
  const settings = readSettings(name, config);
  if (!settings.ipv6 || hasIpv6()) return settings;
  log.warn("this kernel has no IPv6: the network runs without", { network: name });
  return { ...settings, ipv6: undefined };
}

function planDnsmasq(settings: BridgeSettings, dir: string): DnsmasqPlan {
  const args = renderArgs(settings, dnsmasqFiles(dir), findAccount());
  return { network: settings.name, dir, args, raw: settings.raw };
}

/** Adopts the dnsmasq that runs as it should, or starts one in place of what runs. */
async function bringUpDnsmasq(settings: BridgeSettings, dir: string): Promise<DnsmasqSupervisor | undefined> {
  if (!needsDnsmasq(settings)) {
    await stopDnsmasq(dir);
    return undefined;
  }
  const plan = planDnsmasq(settings, dir);
  const adopted = adoptDnsmasq(plan);
  if (adopted) {
    reloadDnsmasq(adopted, dir); // hosts files may have changed unseen
    return superviseDnsmasq(plan, adopted);
  }
  await stopDnsmasq(dir);
  return superviseDnsmasq(plan, await startDnsmasq(plan));
}

/** Names stand in the hosts files only where DNS is to know them. */
const nameFor = ({ dnsMode }: BridgeSettings, file: string, entry: HostEntry): string | undefined =>
  dnsMode === "managed" ? (entry.name ?? nameOfFile(file)) : undefined;

/**
 * Brings a network up: bridge, dnsmasq, firewall. What runs already as it should is kept, so it is called
 * at creation and at each start of the daemon. A bridge that it made goes again when the rest fails.
 * Throws `network_start_failed`, `tool_missing`, `invalid_config_value`.
 */
export async function startNetwork(network: ManagedNetwork, host: NetworkHost): Promise<RunningNetwork> {
  const { name, dir } = network;
  const { run } = host;
  const { hosts: hostsDir, names: namesDir } = dnsmasqFiles(dir);
  let settings = readUsable(name, network.config);
  let dnsmasq: DnsmasqSupervisor | undefined;
  let entries: Map<string, HostEntry> | undefined;
  const told = new Set<string>();
  /** Read once: whoever looks for a free address asks for all. */
  const hosts = (): Map<string, HostEntry> => (entries ??= listHosts(hostsDir));

  async function bringUp(): Promise<void> {
    const isNew = !existsSync(dir);
    const created = await applyBridge(settings, macSeed(network), run);
    const [served, guarded] = await Promise.allSettled([bringUpDnsmasq(settings, dir), applyRules(settings, run)]);
    dnsmasq = served.status === "fulfilled" ? served.value : undefined;
    if (served.status === "fulfilled" && guarded.status === "fulfilled") return;
    await dnsmasq?.detach();
    dnsmasq = undefined;
    if (created) {
      await stopDnsmasq(dir);
      if (guarded.status === "fulfilled") await removeRules(name, run);
      await removeBridge(name, run);
    }
    if (isNew) rmSync(dir, { recursive: true, force: true });
    throw served.status === "rejected" ? served.reason : (guarded as PromiseRejectedResult).reason;
  }

  /** Returns whether that changed anything. */
  function writeEntry(file: string, given: HostEntry): boolean {
    const name = nameFor(settings, file, given);
    const entry = isOfProject(name) ? { ...given, ipv4: within(given.ipv4, settings.ipv4) } : given; // kept for the name, unless the subnet is another now
    for (const folder of [hostsDir, namesDir]) makeHostsDir(folder);
    const changes = [writeHost(hostsDir, file, { ...entry, name }), writeNames(namesDir, file, name && isOfProject(name) ? renderNames(settings, entry, name) : "")];
    hosts().set(file, { ...entry, mac: entry.mac.toLowerCase(), name: isOfProject(name) ? undefined : name });
    return changes.includes(true);
  }

  async function changeTo(wanted: BridgeSettings): Promise<void> {
    settings = wanted;
    await dnsmasq?.detach();
    for (const [file, entry] of hosts()) writeEntry(file, entry);
    await bringUp();
  }

  async function removeEntry(file: string): Promise<void> {
    const entry = deleteHost(hostsDir, file);
    writeNames(namesDir, file, "");
    told.delete(file);
    hosts().delete(file);
    if (!entry) return;
    dnsmasq?.reload();
    if ([...hosts().values()].some(({ mac }) => mac === entry.mac)) return; // the interface is known by another name
    const server = settings.ipv4?.address;
    const leases = readLeases(dnsmasqFiles(dir).leases).filter(({ family, mac }) => family === 4 && mac === entry.mac);
    for (const lease of server ? leases : []) {
      await releaseLease(lease, server ?? "").catch((error) => log.warn("a lease was not released", { network: name, file, error: explain(error) }));
    }
  }

  await bringUp();
  return {
    async update(config) {
      const before = settings;
      try {
        await changeTo(readUsable(name, config));
      } catch (error) {
        await changeTo(before).catch((second) => log.error("a network could not go back to what it was", { network: name, error: explain(second) }));
        throw error;
      }
    },
    setHost(file, entry) {
      told.add(file);
      if (writeEntry(file, entry)) dnsmasq?.reload();
    },
    removeHost: removeEntry,
    async removeUntold() {
      for (const file of new Set([hostsDir, namesDir].flatMap(listFiles))) if (!told.has(file)) await removeEntry(file);
    },
    leases() {
      const now = Math.floor(Date.now() / 1000);
      return listLeaseRows(settings, readText(`/sys/class/net/${name}/address`), hosts(), readLeases(dnsmasqFiles(dir).leases), now);
    },
    async stop({ keepRunning }) {
      await (keepRunning ? dnsmasq?.detach() : dnsmasq?.stop());
    },
    async remove() {
      await dnsmasq?.detach();
      await removeNetwork(network, host);
    },
  };
}

/** Takes a network from the machine: dnsmasq, rules, bridge. Its folder stays, for when it comes up again. Idempotent. Throws `tool_failed`, `tool_missing`. */
export async function withdrawNetwork({ name, dir }: Pick<ManagedNetwork, "name" | "dir">, { run }: NetworkHost): Promise<void> {
  assertNetworkName(name);
  await stopDnsmasq(dir);
  await removeRules(name, run);
  await removeBridge(name, run);
}

/** Takes away whatever is left of a network, also of one that failed to start. Idempotent. Throws as `withdrawNetwork`. */
export async function removeNetwork(network: Pick<ManagedNetwork, "name" | "dir">, host: NetworkHost): Promise<void> {
  await withdrawNetwork(network, host);
  rmSync(network.dir, { recursive: true, force: true });
}
