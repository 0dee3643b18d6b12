// What follows when an instance has come to its end, by whoever's wish.
import type { Requestor } from "../api/events.ts";
import type { Context } from "../context.ts";
import { explain, log } from "../log.ts";
import { forEachDevice } from "../devices/plan.ts";
import { endedByFault } from "./autorestart.ts";
import { deleteInstance } from "./delete.ts";
import { devicesOf, keepVolatile } from "./devices.ts";
import { expandInstance } from "./expanded.ts";
import { setNetworkPriorities } from "./limits/network.ts";
import { rebalanceCpus } from "./limits/balancer.ts";
import type { StopReason } from "./runtime.ts";
import { startInstance } from "./start.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { instanceUrl } from "./view.ts";

export async function instanceEnded(ctx: Context, systemName: string, reason: StopReason, by?: Requestor): Promise<void> {
  rebalanceCpus(ctx.runtime);
  void setNetworkPriorities(ctx);
  const instance = ctx.instances.findBySystemName(systemName);
  if (!instance) return;
  const again = reason === "guest" && endedByFault(ctx, instance);
  const staysOn = again || ctx.shutdown.isStopping(systemName) || (reason === "reboot" && ctx.shutdown.begun);
  await rememberEnded(ctx, instance, staysOn ? "RUNNING" : "STOPPED");
  if (reason === "reboot" && !ctx.shutdown.begun) return void startAgain(ctx, instance);
  if (reason === "restart") return; // whoever stopped it starts it again, and tells of both at once
  ctx.events.lifecycle({ action: reason === "forced" ? "instance-stopped" : "instance-shutdown", source: instanceUrl(instance), ...(by ? { requestor: by } : {}) }, instance.project);
  if (again) {
    if (!ctx.shutdown.begun) ctx.restarts.schedule(ctx, instance);
  } else if (instance.ephemeral) void removeEphemeral(ctx, instance);
}

/** Frees what the devices had, and writes down whether it is to run when the next daemon starts. */
async function rememberEnded(ctx: Context, { project, name }: InstanceRecord, power: "RUNNING" | "STOPPED"): Promise<void> {
  const before = ctx.instances.get(project, name);
  ctx.guestSockets.close(before.id);
  const devices = devicesOf(ctx, before, expandInstance(ctx, before));
  await forEachDevice(devices, "released", (type, call) => type.release?.(call));
  const instance = ctx.instances.get(project, name); // somebody may have changed it meanwhile
  keepVolatile(instance, devices);
  instance.config["volatile.last_state.power"] = power;
  instance.config["volatile.last_state.ready"] = "false";
  ctx.instances.save(instance);
}

async function startAgain(ctx: Context, { project, name }: InstanceRecord): Promise<void> {
  try {
    await ctx.locks.run(systemNameOf({ project, name }), () => startInstance(ctx, project, name, { event: "instance-restarted", unasked: true }));
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
