// What follows when an instance has come to its end, by whoever's wish.
import type { Context } from "../context.ts";
import { explain, log } from "../log.ts";
import { forEachDevice } from "../devices/plan.ts";
import { deleteInstance } from "./delete.ts";
import { devicesOf, keepVolatile } from "./devices.ts";
import { expandInstance } from "./expanded.ts";
import { rebalanceCpus } from "./limits/balancer.ts";
import type { StopReason } from "./runtime.ts";
import { startInstance } from "./start.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { instanceUrl } from "./view.ts";

export async function instanceEnded(ctx: Context, systemName: string, reason: StopReason): Promise<void> {
  rebalanceCpus(ctx.runtime);
  const instance = ctx.instances.list().find((one) => systemNameOf(one) === systemName);
  if (!instance) return;
  await rememberStopped(ctx, instance);
  if (reason === "reboot") return void startAgain(ctx, instance);
  if (reason === "restart") return; // whoever stopped it starts it again, and tells of both at once
  ctx.events.lifecycle({ action: reason === "forced" ? "instance-stopped" : "instance-shutdown", source: instanceUrl(instance) }, instance.project);
  if (instance.ephemeral) void removeEphemeral(ctx, instance);
}

/** Frees what the devices had, and writes down that it has stopped. */
async function rememberStopped(ctx: Context, { project, name }: InstanceRecord): Promise<void> {
  const before = ctx.instances.get(project, name);
  const devices = devicesOf(ctx, before, expandInstance(ctx, before));
  await forEachDevice(devices, "released", (type, call) => type.release?.(call));
  const instance = ctx.instances.get(project, name); // somebody may have changed it meanwhile
  keepVolatile(instance, devices);
  instance.config["volatile.last_state.power"] = "STOPPED";
  ctx.instances.save(instance);
}

async function startAgain(ctx: Context, { project, name }: InstanceRecord): Promise<void> {
  try {
    await ctx.locks.run(systemNameOf({ project, name }), () => startInstance(ctx, project, name, { event: "instance-restarted" }));
  } catch (error) {
    log.error("an instance did not come back from its reboot", { instance: name, error: explain(error) });
  }
}

async function removeEphemeral(ctx: Context, { project, name }: InstanceRecord): Promise<void> {
  try {
    await ctx.locks.run(systemNameOf({ project, name }), () => deleteInstance(ctx, project, name));
  } catch (error) {
    log.error("an ephemeral instance was not removed", { instance: name, error: explain(error) });
  }
}
