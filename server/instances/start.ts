// Starting an instance.
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Config } from "../api/schemas.ts";
import { prepareDevices } from "../devices/plan.ts";
import type { TemplateTrigger } from "../../images/metadata.ts";
import type { Context } from "../context.ts";
import { elderSystemCalls } from "../host/system-calls.ts";
import { expectCgroupMoves } from "../host/cgroup-moves.ts";
import { rootIds } from "../lxc/idmap.ts";
import type { ContainerProcesses } from "../lxc/processes.ts";
import { type ContainerConfig, renderConfig } from "../lxc/render-config.ts";
import { renderSeccomp } from "../lxc/seccomp.ts";
import { startContainer } from "../lxc/start.ts";
import { removeConsole } from "./console/log.ts";
import { containerConfig } from "./container-config.ts";
import { devicesOf, keepVolatile } from "./devices.ts";
import { expandInstance } from "./expanded.ts";
import { finishInstance } from "./finish.ts";
import type { Layer } from "./config.ts";
import { isTrue } from "../api/config-keys/key.ts";
import { writeAttachConfig } from "./kernel/attach-config.ts";
import { loadModules } from "./kernel/modules.ts";
import { explainRefusal } from "./kernel/refusal.ts";
import { assertCpus, rebalanceCpus } from "./limits/balancer.ts";
import { setNetworkPriorities } from "./limits/network.ts";
import { assertLimitsAvailable, cgroupWorld, writeOptionalLimits } from "./limits/lines.ts";
import { limitAtStart } from "./root-size.ts";
import { takeIdMap } from "./shift.ts";
import { takeSnapshot } from "./snapshots/create.ts";
import { isDueAtStart } from "./snapshots/schedule.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { applyTemplates } from "./templates.ts";
import { forceStop } from "./stop.ts";
import { instanceUrl } from "./view.ts";
import { allowsMaking, assertMayRun } from "../projects/check.ts";
import { withUndo } from "../undo.ts";

export interface StartOptions {
  requestor?: Requestor | undefined;
  /** What listeners are told; `instance-started` when absent. */
  event?: "instance-started" | "instance-restarted";
  /** Nobody asked for it: the guest reboots, or is back after a crash. No snapshot is taken before it. */
  unasked?: boolean;
}

/** Starts an instance; the caller holds its lock. Throws `instance_already_running`, `shutting_down` or `start_failed`. */
export async function startInstance(ctx: Context, project: string, instanceName: string, options: StartOptions = {}): Promise<void> {
  const name = systemNameOf({ project, name: instanceName });
  if (ctx.runtime.get(name)) throw fail("instance_already_running");
  if (ctx.shutdown.begun) throw fail("shutting_down");
  await ctx.runtime.settled(name);
  await finishInstance(ctx, ctx.instances.get(project, instanceName));
  if (!options.unasked) await snapshotAtStart(ctx, project, instanceName);
  const instance = ctx.instances.get(project, instanceName);
  expectCgroupMoves();
  const expanded = expandInstance(ctx, instance);
  assertMayRun(ctx, instance, expanded);
  await assertStartable(instance, expanded);
  const map = await takeIdMap(ctx, instance, expanded);
  const driver = ctx.pools.driver(instance.pool);
  await limitAtStart(ctx, instance, expanded);
  applyTemplates({ instance, expanded, folder: driver.folder(name), ...rootIds(map) }, triggersOf(instance.config));
  await withUndo(async (undo) => {
    const calls = devicesOf(ctx, instance, expanded, map);
    const devices = await prepareDevices(calls, undo);
    undo.push(() => ctx.guestSockets.close(instance.id));
    await ctx.guestSockets.open(instance.id);
    keepVolatile(instance, calls);
    const processes = await runContainer(ctx, instance, expanded.config, containerConfig(ctx, instance, expanded, map, devices))
      .catch((error) => Promise.reject(explainRefusal(error, instance.name, expanded.config)));
    const running = ctx.runtime.add(name, processes, expanded);
    rememberStarted(ctx, instance);
    await afterStart(ctx, instance, async () => {
      writeOptionalLimits(expanded.config, running.cgroups, cgroupWorld());
      rebalanceCpus(ctx.runtime);
      await devices.started(running);
      await setNetworkPriorities(ctx);
    });
  });
  ctx.warnings.resolve("autostart_failed", { project, instance: instance.id });
  ctx.events.lifecycle({
    action: options.event ?? "instance-started", source: instanceUrl(instance), ...(options.requestor ? { requestor: options.requestor } : {}),
  }, project);
}

/** Throws what keeps it from starting before anything is made ready; loads the kernel modules it wants. */
async function assertStartable({ name }: InstanceRecord, { config }: Layer): Promise<void> {
  if (isTrue(config["security.protection.start"])) throw fail("instance_start_protected", { name });
  assertLimitsAvailable(config, cgroupWorld());
  assertCpus(config["limits.cpu"]);
  await loadModules(config["linux.kernel_modules"]);
}

/** As `snapshots.schedule` wants it and the project allows it; without it there is no start, as what comes after it might not be wanted. */
async function snapshotAtStart(ctx: Context, project: string, name: string): Promise<void> {
  const { config } = expandInstance(ctx, ctx.instances.get(project, name));
  if (isDueAtStart(config["snapshots.schedule"]) && allowsMaking(ctx, project, "snapshot")) await takeSnapshot(ctx, project, name, {});
}

async function runContainer(ctx: Context, instance: InstanceRecord, expanded: Config, config: ContainerConfig): Promise<ContainerProcesses> {
  const name = systemNameOf(instance);
  const logs = ctx.paths.logs(name);
  rotateLog(`${logs}/lxc.log`);
  removeConsole(logs);
  if (config.seccompProfile) writeFileSync(config.seccompProfile, renderSeccomp(expanded, elderSystemCalls), { mode: 0o600 });
  writeFileSync(`${logs}/lxc.conf`, renderConfig(config), { mode: 0o600 });
  writeAttachConfig(logs, expanded);
  return startContainer({
    lxcPath: ctx.paths.containers, name, config: `${logs}/lxc.conf`, pidFile: `${logs}/lxc.pid`, output: `${logs}/forkstart.log`, log: `${logs}/lxc.log`,
    console: `${logs}/console.log`,
  });
}

/** What devices do once the guest runs; when one fails the guest is ended again. */
async function afterStart(ctx: Context, instance: InstanceRecord, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await forceStop(ctx, instance.project, instance.name).catch(() => {}); // it may have ended by itself
    throw error;
  }
}

function triggersOf(config: Config): TemplateTrigger[] {
  const pending = config["volatile.apply_template"] as TemplateTrigger | undefined;
  return pending ? [pending, "start"] : ["start"];
}

function rotateLog(file: string): void {
  if (existsSync(file)) renameSync(file, `${file}.old`);
  else rmSync(`${file}.old`, { force: true });
}

function rememberStarted(ctx: Context, instance: InstanceRecord): void {
  delete instance.config["volatile.apply_template"];
  delete instance.config["volatile.last_state.ready"];
  instance.config["volatile.last_state.power"] = "RUNNING";
  instance.lastUsedAt = new Date();
  ctx.instances.save(instance);
}
