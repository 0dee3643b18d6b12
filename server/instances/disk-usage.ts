// How much of its pool an instance uses by itself: what it shares with its image, snapshots and copies is not counted.
// Measured by looking at all its files, so a measure is used for some seconds, and nobody waits long for one.
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../context.ts";
import { run } from "../host/run.ts";
import { explain, log } from "../log.ts";
import { type InstanceRecord, volumeOf } from "./store.ts";

const freshFor = 10_000;
const longestWait = 300;

interface Measure {
  bytes: number | undefined;
  at: number;
  running: Promise<void> | undefined;
}

export class DiskUsage {
  /** By id of the instance. */
  readonly #known = new Map<number, Measure>();

  /** Bytes at the last measure; undefined before the first. */
  lastOf(id: number): number | undefined {
    return this.#known.get(id)?.bytes;
  }

  /** Measures unless that was done a moment ago; resolves when it is known, or when it takes long. */
  async refresh(ctx: Context, instance: InstanceRecord): Promise<void> {
    const measure = this.#known.get(instance.id) ?? { bytes: undefined, at: 0, running: undefined };
    this.#known.set(instance.id, measure);
    if (Date.now() - measure.at < freshFor) return;
    measure.running ??= this.#measure(ctx, instance, measure);
    await Promise.race([measure.running, sleep(longestWait, undefined, { ref: false })]);
  }

  forget(id: number): void {
    this.#known.delete(id);
  }

  async #measure(ctx: Context, instance: InstanceRecord, measure: Measure): Promise<void> {
    try {
      const folder = ctx.pools.driver(instance.pool).ownFiles(volumeOf(instance));
      // Files that go away meanwhile are complained about.
      const { stdout } = await run("du", ["--summarize", "--one-file-system", "--block-size=1", "--", folder], { alsoGood: [1] });
      if (/^\d/.test(stdout)) measure.bytes = Number.parseInt(stdout, 10);
    } catch (error) {
      log.debug("the disk usage of an instance is not known", { instance: instance.name, error: explain(error) });
    } finally {
      measure.at = Date.now();
      measure.running = undefined;
    }
  }
}
