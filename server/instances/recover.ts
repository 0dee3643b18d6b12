// What the daemon does about instances when it starts: finds those that run, removes what is half-made,
// and starts those that should run.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isCode } from "../api/errors.ts";
import { isTrue } from "../api/config-keys/key.ts";
import type { Context } from "../context.ts";
import { explain, log } from "../log.ts";
import { readNotes } from "../lxc/render-config.ts";
import { forEachDevice } from "../devices/plan.ts";
import { sweepRules, unplugUnfinished } from "../devices/nic/sweep.ts";
import { sweepFolders, sweepStaged } from "../devices/sweep.ts";
import { forgetStoppedWithHost, hostShutdownTimeout, readStoppedWithHost } from "../shutdown.ts";
import { removeLeftCgroups, sweepCgroups } from "../lxc/cgroup.ts";
import { areSomeUnsettled, findContainers } from "../lxc/processes.ts";
import { removeInstance } from "./delete.ts";
import { announceDevices, devicesOf, keepVolatile } from "./devices.ts";
import { expandInstance } from "./expanded.ts";
import { finishInstance } from "./finish.ts";
import { currentIdMap } from "./idmap.ts";
import { rebalanceCpus } from "./limits/balancer.ts";
import { recoverNetworkPriorities } from "./limits/network.ts";
import { restoreLimits } from "./limits/restore.ts";
import { wasReady } from "./ready.ts";
import { thawForgotten } from "./snapshots/guest.ts";
import { startInstance } from "./start.ts";
import { instanceEnded } from "./on-end.ts";
import type { Running } from "./runtime.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "./store.ts";
import { kill } from "../lxc/halt.ts";

/** Takes in what runs and clears away what a crash left; before the first request. */
export async function recoverInstances(ctx: Context): Promise<void> {
  const halfMade = [...ctx.instances.list(undefined, "creating"), ...ctx.instances.list(undefined, "deleting")];
  await settled(ctx.paths.containers);
  await sweepCgroups(new Set([...halfMade, ...ctx.instances.list()].map(systemNameOf)), findContainers(ctx.paths.containers));
  for (const instance of halfMade) {
    log.info("removing a half-made instance", { instance: instance.name });
    await attempt(instance, () => removeInstance(ctx, instance));
  }
  await settled(ctx.paths.containers);
  const found = findContainers(ctx.paths.containers); // from here to their being taken in nothing is waited for
  const stoppedWithHost = readStoppedWithHost(ctx.paths);
  for (const [pool, driver] of ctx.pools.drivers()) driver.sweep((id) => ctx.instances.usesFolder(pool, id));
  const sameRun = readText(ctx.paths.machineRun) === machineRun();
  const instances = new Map(ctx.instances.list().map((instance) => [systemNameOf(instance), instance]));
  const former = [...instances.values()].flatMap(({ unfinished }) => unfinished.renamedFrom ?? []); // what lies there moves below
  sweepFolders(ctx.paths, new Set([...instances.keys(), ...found.keys(), ...former]));
  for (const [name, processes] of found) {
    const instance = instances.get(name);
    if (!instance) {
      log.warn("ending a container that belongs to no instance", { container: name });
      kill(processes.init);
      void removeLeftCgroups(name);
      continue;
    }
    const expanded = expandInstance(ctx, instance);
    const running = ctx.runtime.add(name, processes, expanded);
    running.frozen = running.cgroups.isFrozen;
    running.ready = wasReady(instance, processes);
    await attempt(instance, () => ctx.guestSockets.open(instance.id));
    await attempt(instance, () => thawForgotten(ctx, instance, running));
    markRunning(ctx, instance);
    restoreLimits(name, running);
    if (stoppedWithHost.has(name)) comeBack(ctx, instance, running);
    const devices = devicesOf(ctx, instance, expandInstance(ctx, instance));
    await attempt(instance, () => sweepStaged(devices, ctx.paths, name, running));
    const remembered = JSON.stringify(devices.map(({ volatile }) => volatile));
    await forEachDevice(devices, "taken up again", (type, call) => type.adopt?.(call, running));
    if (JSON.stringify(devices.map(({ volatile }) => volatile)) !== remembered) {
      keepVolatile(instance, devices);
      ctx.instances.save(instance);
    }
    await attempt(instance, () => unplugUnfinished(devices, running));
  }
  rebalanceCpus(ctx.runtime);
  await recoverNetworkPriorities(ctx);
  ctx.guestSockets.clean();
  const hasEnded = (name: string, { config }: InstanceRecord) =>
    sameRun && !found.has(name) && !stoppedWithHost.has(name) && config["volatile.last_state.power"] === "RUNNING";
  if ([...instances].some((one) => hasEnded(...one))) await settled(ctx.paths.containers); // then its hook has said how
  for (const [name, instance] of instances) {
    if (!found.has(name)) await attempt(instance, () => finishInstance(ctx, instance));
    await attempt(instance, () => announceDevices(devicesOf(ctx, instance, expandInstance(ctx, instance))));
    if (found.has(name)) continue;
    await attempt(instance, () => sweepStaged([], ctx.paths, name, undefined));
    await attempt(instance, () => ctx.pools.driver(instance.pool).ensureMounted(volumeOf(instance), currentIdMap(instance)));
    if (ctx.runtime.takeReboot(name)) await instanceEnded(ctx, name, "reboot");
    else if (hasEnded(name, instance)) await instanceEnded(ctx, name, "guest");
    await attempt(instance, () => unplugUnfinished(devicesOf(ctx, instance, expandInstance(ctx, instance))));
  }
  await ctx.networks.removeUntoldHosts();
  await sweepRules();
}

/** A guest that was asked to stop by a daemon that did not finish its shutdown: when it does stop, it is started again. */
function comeBack(ctx: Context, instance: InstanceRecord, running: Running): void {
  running.stopReason = "reboot";
  setTimeout(() => {
    if (running.stopReason === "reboot") running.stopReason = "guest";
  }, hostShutdownTimeout(expandInstance(ctx, instance).config) * 1000).unref();
}

/** A start that the last daemon began is let come to its end, and so is a guest's own reboot; what hooks have said of it is heard then. */
async function settled(lxcPath: string): Promise<void> {
  let tries = 0;
  do await sleep(20);
  while (tries++ < 250 && areSomeUnsettled(lxcPath));
}

function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/**
 * Tells this run of the machine from others: what was running in another one is to be started again, what ran
 * in this one and does not any more has ended meanwhile. A container's machine starts anew with its first process.
 */
function machineRun(): string {
  const firstStart = readFileSync("/proc/1/stat", "utf8").replace(/.*\)/s, "").split(" ")[20] ?? "";
  return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${firstStart}\n`;
}

async function attempt(instance: InstanceRecord, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.error("an instance could not be recovered", { instance: instance.name, error: explain(error) });
  }
}

function markRunning(ctx: Context, instance: InstanceRecord): void {
  if (instance.config["volatile.last_state.power"] === "RUNNING") return;
  const started = readText(`${ctx.paths.logs(systemNameOf(instance))}/lxc.conf`);
  Object.assign(instance.config, readNotes(started), { "volatile.last_state.power": "RUNNING" });
  instance.lastUsedAt = new Date();
  delete instance.config["volatile.apply_template"];
  ctx.instances.save(instance);
}

/** Starts what should run and does not: after the machine has started, say. */
export async function autostart(ctx: Context): Promise<void> {
  const order = (instance: InstanceRecord) => Number(expandInstance(ctx, instance).config["boot.autostart.priority"] ?? 0);
  const due = ctx.instances.list().filter((instance) => shouldRun(ctx, instance)).sort((a, b) => order(b) - order(a));
  for (const { id, project, name } of due) {
    if (ctx.shutdown.begun) return;
    const delay = Number(expandInstance(ctx, ctx.instances.get(project, name)).config["boot.autostart.delay"] ?? 0);
    try {
      await ctx.locks.run(systemNameOf({ project, name }), () => startInstance(ctx, project, name));
    } catch (error) {
      if (isCode(error, "instance_already_running")) continue; // somebody else was sooner
      ctx.warnings.raise("autostart_failed", explain(error), { project, instance: id });
      log.error("an instance was not started", { instance: name, error: explain(error) });
    }
    if (delay > 0) await sleep(delay * 1000, undefined, { ref: false });
  }
  if (ctx.shutdown.begun) return;
  writeFileSync(ctx.paths.machineRun, machineRun(), { mode: 0o600 });
  forgetStoppedWithHost(ctx.paths);
}

function shouldRun(ctx: Context, instance: InstanceRecord): boolean {
  if (ctx.runtime.get(systemNameOf(instance)) || ctx.restarts.isWaiting(instance.id)) return false;
  const wish = expandInstance(ctx, instance).config["boot.autostart"];
  return wish === undefined ? instance.config["volatile.last_state.power"] === "RUNNING" : isTrue(wish);
}
