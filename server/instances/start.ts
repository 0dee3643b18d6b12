// Starting an instance.
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Config } from "../api/schemas.ts";
import type { TemplateTrigger } from "../../images/metadata.ts";
import type { Context } from "../context.ts";
import { expectCgroupMoves } from "../host/cgroup-moves.ts";
import { formatIdMap, readIdMap, rootIds } from "../lxc/idmap.ts";
import { renderConfig } from "../lxc/render-config.ts";
import { renderSeccomp } from "../lxc/seccomp.ts";
import { startContainer } from "../lxc/start.ts";
import { removeConsole } from "./console/log.ts";
import { containerConfig } from "./container-config.ts";
import { expandInstance } from "./expanded.ts";
import { announceNics, assignHostNames, assignMacs } from "./nics.ts";
import { type InstanceRecord, systemNameOf, volumeOf } from "./store.ts";
import { applyTemplates } from "./templates.ts";
import { instanceUrl } from "./view.ts";

export interface StartOptions {
  requestor?: Requestor | undefined;
  /** What listeners are told; `instance-started` when absent. */
  event?: "instance-started" | "instance-restarted";
}

/** Starts an instance; the caller holds its lock. Throws `instance_already_running` or `start_failed`. */
export async function startInstance(ctx: Context, project: string, instanceName: string, options: StartOptions = {}): Promise<void> {
  const instance = ctx.instances.get(project, instanceName);
  const name = systemNameOf(instance);
  if (ctx.runtime.get(name)) throw fail("instance_already_running");
  expectCgroupMoves();
  const map = readIdMap();
  const driver = ctx.pools.driver(instance.pool);
  await driver.ensureMounted(volumeOf(instance), map);
  prepareConfig(ctx, instance, formatIdMap(map));
  const expanded = expandInstance(ctx, instance);
  applyTemplates({ instance, expanded, folder: driver.folder(name), ...rootIds(map) }, triggersOf(instance.config));
  announceNics(ctx, instance, expanded);

  const logs = ctx.paths.logs(name);
  rotateLog(`${logs}/lxc.log`);
  removeConsole(logs);
  writeFileSync(`${ctx.paths.security}/${name}`, renderSeccomp(), { mode: 0o600 });
  writeFileSync(`${logs}/lxc.conf`, renderConfig(containerConfig(ctx, instance, expanded, map)), { mode: 0o600 });
  const processes = await startContainer({
    lxcPath: ctx.paths.containers, name, config: `${logs}/lxc.conf`, pidFile: `${logs}/lxc.pid`, output: `${logs}/forkstart.log`, log: `${logs}/lxc.log`,
  });
  ctx.runtime.add(name, processes);
  rememberStarted(ctx, instance);
  ctx.events.lifecycle({
    action: options.event ?? "instance-started", source: instanceUrl(instance), ...(options.requestor ? { requestor: options.requestor } : {}),
  }, project);
}

/** Gives each nic its MAC address and the name of its end on the host for this start. */
function prepareConfig(ctx: Context, instance: InstanceRecord, map: string): void {
  const { devices, config } = expandInstance(ctx, instance);
  Object.assign(instance.config, assignMacs(devices, config), assignHostNames(devices), { "volatile.idmap.current": map, "volatile.idmap.next": map });
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
  instance.config["volatile.last_state.power"] = "RUNNING";
  instance.lastUsedAt = new Date();
  ctx.instances.save(instance);
}
