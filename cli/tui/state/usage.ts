// Processor and memory use of running instances, from one reading to the next.
import type { InstanceFull } from "../../../server/api/instances.ts";
import type { Usage } from "./model.ts";

/** How many readings are kept. */
const kept = 30;

/** What is used now; `now` in ms. `keyOf`: the row of an instance. */
export function nextUsage(before: ReadonlyMap<string, Usage>, instances: readonly InstanceFull[], keyOf: (instance: InstanceFull) => string, now: number): Map<string, Usage> {
  const next = new Map<string, Usage>();
  for (const instance of instances) {
    if (!instance.state || instance.state.pid === 0) continue;
    const key = keyOf(instance);
    const last = before.get(key);
    const cpuTotal = instance.state.cpu.usage;
    const elapsed = last ? now - last.readAt : 0;
    const percent = last && elapsed > 0 && cpuTotal >= last.cpuTotal ? (cpuTotal - last.cpuTotal) / 1e4 / elapsed : undefined;
    const history = percent === undefined ? (last?.cpuHistory ?? []) : [...(last?.cpuHistory ?? []), percent].slice(-kept);
    next.set(key, { cpuTotal, readAt: now, cpuHistory: history, memory: instance.state.memory.usage });
  }
  return next;
}
