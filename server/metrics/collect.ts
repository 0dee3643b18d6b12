// All samples of instances, project by project. Kept for a second: several who scrape cost no more than one.
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import type { Context } from "../context.ts";
import { statusOf } from "../instances/state.ts";
import { type InstanceRecord, systemNameOf } from "../instances/store.ts";
import { explain, log } from "../log.ts";
import { AskedOnce, readFileSystems } from "./filesystems.ts";
import { addCgroups, addFileSystems, addLinks, type Host } from "./instance.ts";
import { renderLabels, Samples } from "./samples.ts";

const freshFor = 1000;

function readHost(): Host {
  const disks = new Map<string, string>();
  for (const line of readFileSync("/proc/partitions", "utf8").split("\n").slice(2)) {
    const [major, minor, , name] = line.trim().split(/\s+/);
    if (name) disks.set(`${major}:${minor}`, name);
  }
  return { memory: totalmem(), disks };
}

export class Collector {
  readonly #ctx: Context;
  #last: ReadonlyMap<string, Samples> = new Map();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** Samples by project. */
  read(): ReadonlyMap<string, Samples> {
    if (performance.now() - this.#readAt < freshFor) return this.#last;
    this.#last = collect(this.#ctx);
    this.#readAt = performance.now();
    return this.#last;
  }
}

function collect(ctx: Context): ReadonlyMap<string, Samples> {
  const host = readHost();
  const once = new AskedOnce();
  const byProject = new Map<string, Samples>();
  for (const { name } of ctx.projects.list()) {
    const instances = ctx.instances.list(name);
    const samples = new Samples();
    for (const instance of instances) addInstance(ctx, instance, samples, host, once);
    countByStatus(ctx, instances, samples);
    byProject.set(name, samples);
  }
  return byProject;
}

function countByStatus(ctx: Context, instances: readonly InstanceRecord[], samples: Samples): void {
  const counts = new Map<string, number>();
  for (const instance of instances) {
    const labels = renderLabels({ project: instance.project, status: statusOf(ctx, instance).toLowerCase() });
    counts.set(labels, (counts.get(labels) ?? 0) + 1);
  }
  for (const [labels, count] of counts) samples.add("berth_instances", labels, count);
}

function addInstance(ctx: Context, instance: InstanceRecord, samples: Samples, host: Host, once: AskedOnce): void {
  const running = ctx.runtime.get(systemNameOf(instance));
  if (!running) return;
  const own = renderLabels({ name: instance.name, project: instance.project, type: "container" });
  try {
    addCgroups(samples, running.cgroups, host, own);
    addFileSystems(samples, readFileSystems(ctx, instance, running.held.devices, once), own);
    if (running.network) addLinks(samples, running.network.links(), own);
  } catch (error) {
    log.debug("not all metrics of an instance could be read", { instance: instance.name, project: instance.project, error: explain(error) });
  }
}
