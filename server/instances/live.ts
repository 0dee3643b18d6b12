// Making changed configuration keys hold for a guest that runs.
import type { Config } from "../api/schemas.ts";
import { findProgram } from "../host/run.ts";
import type { Undo } from "../undo.ts";
import { assertCpus, freeCpus, rebalanceCpus } from "./limits/balancer.ts";
import { cgroupWorld } from "./limits/lines.ts";
import { cgroupSettings } from "./limits/settings.ts";
import { planChanges, writeChanges } from "./limits/write.ts";
import type { Running, Runtime } from "./runtime.ts";
import { loadModules } from "./kernel/modules.ts";
import { fail } from "../api/errors.ts";

/** Applies what live keys changed. Throws what the kernel refuses; `undo` takes back what was done before. */
export async function applyLiveConfig(runtime: Runtime, running: Running, before: Config, after: Config, undo: Undo): Promise<void> {
  if (running.cgroups.areGone) return; // it is just ending
  const world = cgroupWorld();
  const changes = planChanges(cgroupSettings(before, world), cgroupSettings(after, world));
  if (before["limits.cpu"] !== after["limits.cpu"]) assertProcessors(running, after["limits.cpu"]);
  if (before["limits.network.priority"] !== after["limits.network.priority"]) findProgram("nft"); // it is set once all else is
  if (before["linux.kernel_modules"] !== after["linux.kernel_modules"]) await loadModules(after["linux.kernel_modules"]);
  writeChanges(running.cgroups, changes, undo);
  if (before["limits.cpu"] === after["limits.cpu"]) return;
  const { held } = running;
  undo.push(() => holdCpus(runtime, running, held));
  holdCpus(runtime, running, { ...held, config: after });
}

function assertProcessors({ cgroups }: Running, limit: string | undefined): void {
  if (limit !== undefined && !cgroups.has("cpuset", "cpuset.cpus")) {
    throw fail("limit_unavailable", { key: "limits.cpu", what: "this machine's cgroups have no controller \"cpuset\"" });
  }
  assertCpus(limit);
}

function holdCpus(runtime: Runtime, running: Running, held: Running["held"]): void {
  running.held = held;
  if (!held.config["limits.cpu"]) freeCpus(running);
  rebalanceCpus(runtime, running);
}
