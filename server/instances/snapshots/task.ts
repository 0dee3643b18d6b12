// What is done about snapshots every minute: those that are due are taken, those that have expired are deleted.
// Each is a background operation of no project, as in LXD, and there is none when there is nothing to do.
import { isTrue } from "../../api/config-keys/key.ts";
import type { Context } from "../../context.ts";
import { explain, log } from "../../log.ts";
import { allowsMaking } from "../../projects/check.ts";
import { expandInstance } from "../expanded.ts";
import { type InstanceRecord, systemNameOf } from "../store.ts";
import { instanceUrl } from "../view.ts";
import { createSnapshot } from "./create.ts";
import { deleteSnapshot } from "./delete.ts";
import { isDueAt } from "./schedule.ts";
import type { SnapshotRecord } from "./store.ts";

const minute = 60_000;

/** Starts the minute's work at the beginning of each; the result ends it. */
export function keepSnapshotTimes(ctx: Context): () => void {
  let timer: NodeJS.Timeout;
  const sleepUntilNext = () => {
    timer = setTimeout(async () => {
      sleepUntilNext();
      await doSnapshotWork(ctx, new Date()).catch((error) => log.error("the minute's snapshots failed", { error: explain(error) }));
    }, minute - (Date.now() % minute)).unref();
  };
  sleepUntilNext();
  return () => clearTimeout(timer);
}

/** What is to be done in the minute of this time. Resolves when it is begun. */
export async function doSnapshotWork(ctx: Context, time: Date): Promise<void> {
  const expired = ctx.snapshots.expired(time);
  if (expired.length > 0) prune(ctx, expired);
  const due: InstanceRecord[] = [];
  for (const instance of ctx.instances.list()) {
    if (await wantsSnapshot(ctx, instance, time)) due.push(instance);
  }
  if (due.length > 0) takeAll(ctx, due);
}

async function wantsSnapshot(ctx: Context, instance: InstanceRecord, time: Date): Promise<boolean> {
  const { config } = expandInstance(ctx, instance);
  if (!config["snapshots.schedule"] || !allowsMaking(ctx, instance.project, "snapshot")) return false;
  if (!ctx.runtime.get(systemNameOf(instance)) && !isTrue(config["snapshots.schedule.stopped"])) return false;
  return isDueAt(config["snapshots.schedule"], instance.id, time);
}

function takeAll(ctx: Context, due: readonly InstanceRecord[]): void {
  ctx.operations.start({
    description: "Snapshotting instance", project: "", resources: { instances: due.map((instance) => instanceUrl(instance)) },
    run: () => eachOnItsOwn(ctx, due, "a scheduled snapshot was not taken", async ({ id }) => {
      const instance = ctx.instances.findById(id); // it may have got another name meanwhile
      if (instance) await createSnapshot(ctx, instance.project, instance.name, {});
    }),
  });
}

function prune(ctx: Context, expired: readonly SnapshotRecord[]): void {
  ctx.operations.start({
    description: "Cleaning up expired instance snapshots", project: "",
    run: () => eachOnItsOwn(ctx, expired, "an expired snapshot was not deleted", async ({ instanceId, name }) => {
      const instance = ctx.instances.findById(instanceId);
      if (instance && ctx.snapshots.find(instance, name)) await deleteSnapshot(ctx, instance.project, instance.name, name);
    }),
  });
}

/** One that fails does not keep the others from theirs. */
async function eachOnItsOwn<T extends { name: string }>(ctx: Context, all: readonly T[], complaint: string, work: (one: T) => Promise<void>): Promise<void> {
  for (const one of all) {
    if (ctx.shutdown.begun) return;
    await work(one).catch((error) => log.error(complaint, { name: one.name, error: explain(error) }));
  }
}
