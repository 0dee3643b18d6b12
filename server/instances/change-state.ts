// The state changes that a client can ask for, each in its turn.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import { type InstanceStatePut, type StateAction, stateActions } from "../api/instances.ts";
import type { Context } from "../context.ts";
import { markStopped } from "./autorestart.ts";
import { setFrozen } from "./freeze.ts";
import { startInstance } from "./start.ts";
import { cleanStop, forceStop } from "./stop.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";
import { statusOf } from "./state.ts";

export interface StateChange {
  action: StateAction;
  /** Seconds for a clean stop; negative waits for ever. */
  timeout: number;
  force: boolean;
}

export const stateDescriptions: Readonly<Record<StateAction, string>> = {
  start: "Starting instance", stop: "Stopping instance", restart: "Restarting instance", freeze: "Freezing instance", unfreeze: "Unfreezing instance",
};

/** Reads a request. Throws `unknown_action` or `stateful_unsupported`. */
export function readStateChange(put: InstanceStatePut): StateChange {
  if (!stateActions.includes(put.action as StateAction)) throw fail("unknown_action", { action: put.action });
  if (put.stateful) throw fail("stateful_unsupported");
  const timeout = put.timeout ?? -1;
  return { action: put.action as StateAction, timeout, force: (put.force ?? false) || timeout === 0 };
}

/** Whether it waits for the guest, who may take for ever. */
export function isOpenEnded({ action, force, timeout }: StateChange): boolean {
  return (action === "stop" || action === "restart") && !force && timeout < 0;
}

export async function changeState(ctx: Context, project: string, name: string, change: StateChange, requestor?: Requestor): Promise<void> {
  const instance = ctx.instances.get(project, name);
  const [systemName, id] = [systemNameOf(instance), instance.id];
  const inTurn = (work: () => Promise<void>) => {
    ctx.busy.assertIdle(systemName);
    return ctx.locks.run(systemName, work);
  };
  switch (change.action) {
    case "start":
      ctx.restarts.cancel(id);
      return inTurn(() => startInstance(ctx, project, name, { requestor }));
    case "freeze":
    case "unfreeze":
      return inTurn(() => setFrozen(ctx, project, name, change.action === "freeze", requestor));
    case "stop":
      if (ctx.restarts.cancel(id)) return markStopped(ctx, instance);
      await ctx.restarts.settled(id);
      // A forced stop waits for nobody who waits for the guest.
      if (change.force) return ctx.locks.run(systemName, () => forceStop(ctx, project, name, { requestor }));
      ctx.busy.assertIdle(systemName);
      return ctx.busy.during(systemName, "stop", () => cleanStop(ctx, project, name, change.timeout, { requestor }));
    case "restart":
      ctx.busy.assertIdle(systemName);
      await ctx.busy.during(systemName, "restart", () => stopForRestart(ctx, project, name, change));
      return ctx.locks.run(systemName, () => startInstance(ctx, project, name, { requestor, event: "instance-restarted" }));
  }
}

/** Throws `instance_not_running` when a forced stop of somebody else's came first: that one wants it stopped. */
async function stopForRestart(ctx: Context, project: string, name: string, { force, timeout }: StateChange): Promise<void> {
  const running = ctx.runtime.get(systemNameOf({ project, name }));
  await (force ? forceStop(ctx, project, name, { reason: "restart" }) : cleanStop(ctx, project, name, timeout, { reason: "restart" }));
  if (running?.stopReason === "forced") throw fail("instance_not_running", { name });
}

/** Whether a bulk change means anything for an instance in its present state. */
export function concerns(ctx: Context, instance: InstanceRecord, action: StateAction): boolean {
  const status = statusOf(ctx, instance);
  if (action === "start") return status === "Stopped";
  if (action === "unfreeze") return status === "Frozen";
  return action === "freeze" || action === "restart" ? status === "Running" || status === "Ready" : status !== "Stopped" || ctx.restarts.isWaiting(instance.id);
}
