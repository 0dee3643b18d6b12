// What follows when an instance has come to its end, by whoever's wish.
import type { Context } from "../context.ts";
import { explain, log } from "../log.ts";
import { deleteInstance } from "./delete.ts";
import type { StopReason } from "./runtime.ts";
import { startInstance } from "./start.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { instanceUrl } from "./view.ts";

export function instanceEnded(ctx: Context, systemName: string, reason: StopReason): void {
  const instance = ctx.instances.list().find((one) => systemNameOf(one) === systemName);
  if (!instance) return;
  rememberStopped(ctx, instance);
  if (reason === "reboot") return void startAgain(ctx, instance);
  if (reason === "restart") return; // whoever stopped it starts it again, and tells of both at once
  ctx.events.lifecycle({ action: reason === "forced" ? "instance-stopped" : "instance-shutdown", source: instanceUrl(instance) }, instance.project);
  if (instance.ephemeral) void removeEphemeral(ctx, instance);
}

function rememberStopped(ctx: Context, instance: InstanceRecord): void {
  for (const key of Object.keys(instance.config)) {
    if (/^volatile\..+\.host_name$/.test(key)) delete instance.config[key];
  }
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
