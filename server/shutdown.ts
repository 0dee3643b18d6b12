// The machine goes down: what runs is asked to stop, those of the highest boot.stop.priority first, and is remembered
// as running, so that the next daemon starts it again. Whoever takes too long is killed.
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fail, isCode } from "./api/errors.ts";
import type { Context } from "./context.ts";
import { expandInstance } from "./instances/expanded.ts";
import { cleanStop, forceStop } from "./instances/stop.ts";
import { type InstanceRecord, systemNameOf } from "./instances/store.ts";
import { explain, log } from "./log.ts";
import type { Paths } from "./paths.ts";

export interface ShutdownOptions {
  /** Does not wait for running operations. */
  force?: boolean;
}

export class Shutdown {
  readonly #paths: Paths;
  readonly #stopping = new Set<string>();
  #work: Promise<void> | undefined;
  #leaving = false;
  #finish: () => void = () => {};
  /** Resolves when the daemon is to end: all instances have stopped, or are to go on running. */
  readonly done = new Promise<void>((resolve) => {
    this.#finish = resolve;
  });

  constructor(paths: Paths) {
    this.#paths = paths;
  }

  /** Nothing new is begun any more. */
  get begun(): boolean {
    return this.#work !== undefined;
  }

  /** Whether an instance ends because the machine goes down, and is to run again afterwards. */
  isStopping(systemName: string): boolean {
    return this.#stopping.has(systemName);
  }

  /** The daemon is to end, and what runs to go on; of no effect when the machine goes down. */
  leaveRunning(): void {
    if (this.begun) return;
    this.#leaving = true;
    this.#finish();
  }

  /** Stops all that runs; who calls again waits for the same. Throws `shutting_down` when the daemon ends without that. */
  async run(ctx: Context, options: ShutdownOptions = {}): Promise<void> {
    if (this.#leaving) throw fail("shutting_down");
    this.#work ??= this.#stopAll(ctx, options).finally(this.#finish);
    await this.#work;
  }

  async #stopAll(ctx: Context, { force = false }: ShutdownOptions): Promise<void> {
    const limit = force ? 0 : Number(ctx.settings.all()["core.shutdown_timeout"] ?? 5) * 60_000;
    log.info("shutting down", { running: ctx.runtime.count });
    await Promise.all([ctx.operations.close(limit), Promise.race([ctx.locks.settled(), sleep(limit, undefined, { ref: false })])]);
    for (const group of stopOrder(runningOf(ctx))) {
      this.#remember(group.filter(({ instance }) => ctx.busy.actionOn(systemNameOf(instance)) !== "stop").map(({ instance }) => systemNameOf(instance)));
      await Promise.all(group.map((member) => stopOne(ctx, member)));
    }
  }

  /** Written down before anything is asked to stop, for the case that the daemon does not live to see it. */
  #remember(systemNames: string[]): void {
    for (const name of systemNames) this.#stopping.add(name);
    appendFileSync(this.#paths.stoppedWithHost, systemNames.map((name) => `${name}\n`).join(""), { mode: 0o600 });
  }
}

/** System names of those that the last daemon stopped, or began to stop, when the machine went down. */
export function readStoppedWithHost(paths: Paths): ReadonlySet<string> {
  const text = existsSync(paths.stoppedWithHost) ? readFileSync(paths.stoppedWithHost, "utf8") : "";
  return new Set(text.split("\n").filter(Boolean));
}

export function forgetStoppedWithHost(paths: Paths): void {
  rmSync(paths.stoppedWithHost, { force: true });
}

interface Member {
  instance: InstanceRecord;
  priority: number;
  /** In seconds. */
  timeout: number;
}

/** How long an instance has when the machine goes down, in seconds. */
export function hostShutdownTimeout(config: Readonly<Record<string, string>>): number {
  return Number(config["boot.host_shutdown_timeout"] ?? 30);
}

function runningOf(ctx: Context): Member[] {
  return ctx.instances.list().filter((instance) => ctx.runtime.get(systemNameOf(instance))).map((instance) => {
    const { config } = expandInstance(ctx, instance);
    return { instance, priority: Number(config["boot.stop.priority"] ?? 0), timeout: hostShutdownTimeout(config) };
  });
}

/** Groups that stop one after the other, the highest priority first. Pure. */
export function stopOrder<T extends { priority: number }>(members: readonly T[]): T[][] {
  const groups = new Map<number, T[]>();
  for (const member of members) groups.set(member.priority, [...(groups.get(member.priority) ?? []), member]);
  return [...groups.entries()].sort(([a], [b]) => b - a).map(([, group]) => group);
}

async function stopOne(ctx: Context, { instance: { project, name }, timeout }: Member): Promise<void> {
  try {
    if (timeout > 0) await cleanStop(ctx, project, name, timeout);
    else await forceStop(ctx, project, name);
  } catch (error) {
    if (isCode(error, "instance_already_stopped")) return; // it came first
    log.warn("an instance does not stop by itself and is killed", { instance: name, error: explain(error) });
    await forceStop(ctx, project, name).catch((late) => {
      if (!isCode(late, "instance_already_stopped")) log.error("an instance could not be stopped", { instance: name, error: explain(late) });
    });
  }
}
