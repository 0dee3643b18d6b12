// A guest can say that it is ready for its work: its status is Ready then, until it takes that back or stops.
import { readFileSync } from "node:fs";
import { isTrue } from "../api/config-keys/key.ts";
import type { Context } from "../context.ts";
import type { ContainerProcesses } from "../lxc/processes.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { instanceUrl } from "./view.ts";

const key = "volatile.last_state.ready";

/** Writes down what the guest says; a guest that repeats itself costs nothing. */
export async function setReady(ctx: Context, { project, name, id }: InstanceRecord, ready: boolean): Promise<void> {
  const systemName = systemNameOf({ project, name });
  await ctx.locks.run(systemName, async () => {
    const instance = ctx.instances.findById(id);
    const running = ctx.runtime.get(systemName);
    if (!instance || !running || running.ready === ready) return;
    running.ready = ready;
    instance.config[key] = String(ready);
    ctx.instances.save(instance);
    if (ready) ctx.events.lifecycle({ action: "instance-ready", source: instanceUrl(instance) }, project);
  });
}

/** Whether a guest that a daemon finds running said so in this run of its: liblxc may have rebooted it meanwhile. */
export function wasReady(instance: InstanceRecord, { monitor, init }: ContainerProcesses): boolean {
  return isTrue(instance.config[key] ?? "") && startOf(init) - startOf(monitor) < rebootGap;
}

/** A guest starts at once after its monitor; one that was rebooted does not. In clock ticks (10 ms). */
const rebootGap = 200;

function startOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\)/s, "").split(" ")[20]);
}
