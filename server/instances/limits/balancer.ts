// Processors of the guests that run: dealt out anew whenever one starts, ends, or changes its `limits.cpu`.
import { existsSync, readFileSync } from "node:fs";
import { fail } from "../../api/errors.ts";
import { hasCode } from "../../host/libc.ts";
import { explain, log } from "../../log.ts";
import { cgroupLayout } from "../../lxc/cgroup.ts";
import type { Running, Runtime } from "../runtime.ts";
import { balanceCpus, type CpuClaim, formatCpus, missingCpus, parseCpus } from "./cpus.ts";

function readList(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
}

/** The processors that guests may have: those of the machine that are not set apart. */
export function availableCpus(): number[] {
  const { unified, controllers } = cgroupLayout();
  const own = unified === undefined ? readList(`${controllers["cpuset"]}/cpuset.effective_cpus`) : readList(`${unified}/cpuset.cpus.effective`);
  const isolated = parseCpus(readList("/sys/devices/system/cpu/isolated"));
  return parseCpus(own || readList("/sys/devices/system/cpu/online")).filter((cpu) => !isolated.includes(cpu));
}

/** Throws `invalid_config_value` for a set with processors that are not to be had. */
export function assertCpus(limit: string | undefined): void {
  const available = availableCpus();
  const missing = limit === undefined ? [] : missingCpus(limit, available);
  if (missing.length === 0) return;
  throw fail("invalid_config_value", { key: "limits.cpu", reason: `there is no processor ${formatCpus(missing)} (there are ${formatCpus(available)})` });
}

function claims(runtime: Runtime): CpuClaim[] {
  return runtime.entries().flatMap(([name, { held }]) => (held.config["limits.cpu"] ? [{ name, limit: held.config["limits.cpu"] }] : []));
}

/** The processors for one that is about to start; undefined when it may use all. */
export function cpusForStart(runtime: Runtime, name: string, limit: string | undefined): string | undefined {
  if (limit === undefined) return undefined;
  const others = claims(runtime).filter((claim) => claim.name !== name);
  return formatCpus(balanceCpus([...others, { name, limit }], availableCpus()).get(name) ?? []);
}

/** Deals out the processors among all that run. One that cannot be served keeps those it has; when that is `asking`, it throws. */
export function rebalanceCpus(runtime: Runtime, asking?: Running): void {
  const claimed = claims(runtime);
  if (claimed.length === 0) return;
  for (const [name, cpus] of balanceCpus(claimed, availableCpus())) {
    const running = runtime.get(name);
    try {
      if (running) setCpus(running, formatCpus(cpus));
    } catch (error) {
      if (running === asking) throw fail("limit_refused", { key: "limits.cpu", value: formatCpus(cpus), file: "cpuset.cpus", reason: explain(error) }, error);
      if (hasCode(error, "ENOENT", "ENODEV")) continue; // it has just ended
      log.warn("an instance's processors could not be changed", { instance: name, error: explain(error) });
    }
  }
}

/** Lets a guest use all processors again. */
export function freeCpus(running: Running): void {
  setCpus(running, running.cgroups.isUnified ? "" : formatCpus(availableCpus()));
}

function setCpus({ cgroups }: Running, cpus: string): void {
  if (cgroups.text("cpuset", "cpuset.cpus")?.trim() !== cpus) cgroups.narrow("cpuset", "cpuset.cpus", cpus || "\n");
}
