// Limits of a guest that ran on without a daemon: liblxc may have rebooted it with the limits of its last start.
import { explain, log } from "../../log.ts";
import { Undo } from "../../undo.ts";
import type { Running } from "../runtime.ts";
import { freeCpus } from "./balancer.ts";
import { cgroupWorld } from "./lines.ts";
import { cgroupSettings } from "./settings.ts";
import { writeChanges } from "./write.ts";

/** Writes all that should hold; what one file refuses for another's sake is tried again after it. */
export function restoreLimits(name: string, running: Running): void {
  const { cgroups, held } = running;
  const steps = cgroupSettings(held.config, cgroupWorld())
    .filter(({ controller, file }) => cgroups.has(controller, file))
    .map((setting) => () => writeChanges(cgroups, [{ ...setting, before: setting.value }], new Undo()));
  if (!held.config["limits.cpu"] && cgroups.has("cpuset", "cpuset.cpus")) steps.push(() => freeCpus(running));
  const again = steps.filter((step) => errorOf(step) !== undefined);
  for (const step of again) {
    const error = errorOf(step);
    if (error !== undefined) log.warn("a limit could not be restored", { instance: name, error: explain(error) });
  }
}

function errorOf(step: () => void): unknown {
  try {
    step();
    return undefined;
  } catch (error) {
    return error;
  }
}
