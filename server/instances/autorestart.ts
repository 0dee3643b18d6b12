// boot.autorestart: an instance whose init ended by a fault is started again, at first at once, then after ever longer
// waits. While it waits it is remembered as running, so that the next daemon goes on with it.
import { isTrue } from "../api/config-keys/key.ts";
import type { Context } from "../context.ts";
import { explain, log } from "../log.ts";
import { readInitEnd } from "../lxc/init-end.ts";
import { expandInstance } from "./expanded.ts";
import { startInstance } from "./start.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";

/** Who ran that long has recovered: the next end is a first one, in ms. */
export const steadyAfter = 10 * 60_000;
const longestWait = 60_000;

/** How long to wait before a start, in ms: not at all, then 1 s, 2 s, 4 s, … up to a minute. */
export function restartDelay(attempt: number): number {
  return attempt === 0 ? 0 : Math.min(longestWait, 1000 * 2 ** (attempt - 1));
}

interface Waiting {
  attempts: number;
  timer: NodeJS.Timeout | undefined;
}

/** Instances that are to be started again, by id: their names may change meanwhile. */
export class Restarts {
  readonly #instances = new Map<number, Waiting>();
  readonly #starting = new Map<number, Promise<void>>();

  /** Starts an instance again when it is its turn. */
  schedule(ctx: Context, { id, name, lastUsedAt }: InstanceRecord): void {
    const ran = Date.now() - (lastUsedAt?.getTime() ?? 0);
    const attempts = ran < steadyAfter ? (this.#instances.get(id)?.attempts ?? 0) : 0;
    const delay = restartDelay(attempts);
    log.warn("an instance ended by a fault and is started again", { instance: name, attempt: attempts + 1, wait: delay });
    const timer = setTimeout(() => {
      this.#instances.set(id, { attempts: attempts + 1, timer: undefined });
      this.#starting.set(id, this.#start(ctx, id).finally(() => this.#starting.delete(id)));
    }, delay).unref();
    this.#instances.set(id, { attempts: attempts + 1, timer });
  }

  isWaiting(id: number): boolean {
    return this.#instances.get(id)?.timer !== undefined;
  }

  /** Ends the waiting, and forgets earlier ends; false when it did not wait. */
  cancel(id: number): boolean {
    const waited = this.isWaiting(id);
    clearTimeout(this.#instances.get(id)?.timer);
    this.#instances.delete(id);
    return waited;
  }

  /** Resolves when a start that has begun is over; not for who holds the instance's lock. */
  async settled(id: number): Promise<void> {
    await this.#starting.get(id);
  }

  close(): void {
    for (const { timer } of this.#instances.values()) clearTimeout(timer);
    this.#instances.clear();
  }

  async #start(ctx: Context, id: number): Promise<void> {
    const instance = ctx.instances.findById(id);
    if (!instance || ctx.shutdown.begun) return;
    try {
      await ctx.locks.run(systemNameOf(instance), async () => {
        const now = ctx.instances.findById(id);
        if (!now || !this.#instances.has(id) || ctx.runtime.get(systemNameOf(now))) return;
        if (wantsRestart(ctx, now)) await startInstance(ctx, now.project, now.name, { event: "instance-restarted", unasked: true });
        else markStopped(ctx, now);
      });
    } catch (error) {
      log.error("an instance was not started again", { instance: instance.name, error: explain(error) });
      if (this.#instances.has(id) && !ctx.shutdown.begun) this.schedule(ctx, { ...instance, lastUsedAt: new Date() });
    }
  }
}

function wantsRestart(ctx: Context, instance: InstanceRecord): boolean {
  return isTrue(expandInstance(ctx, instance).config["boot.autorestart"]);
}

/** Whether an instance that ended by itself is to be started again. */
export function endedByFault(ctx: Context, instance: InstanceRecord): boolean {
  return wantsRestart(ctx, instance) && readInitEnd(`${ctx.paths.logs(systemNameOf(instance))}/lxc.log`) === "crash";
}

/** The next daemon leaves it alone. */
export function markStopped(ctx: Context, { project, name }: InstanceRecord): void {
  const instance = ctx.instances.get(project, name);
  instance.config["volatile.last_state.power"] = "STOPPED";
  ctx.instances.save(instance);
}
