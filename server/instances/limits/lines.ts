// Limits of a container that is about to start. What must hold from the first moment stands in its lxc.conf; what kernels
// may lack is written once it runs, so that no start fails for want of it.
import { existsSync, readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { fail } from "../../api/errors.ts";
import type { Config } from "../../api/schemas.ts";
import { type CgroupLayout, type ContainerCgroups, cgroupLayout } from "../../lxc/cgroup.ts";
import type { Line } from "../../lxc/render-config.ts";
import { Undo } from "../../undo.ts";
import { type CgroupSetting, cgroupSettings, type CgroupWorld } from "./settings.ts";
import { planChanges, writeChanges } from "./write.ts";

/** The machine's cgroups and memory. */
export function cgroupWorld(): CgroupWorld {
  return { unified: cgroupLayout().unified !== undefined, memory: totalmem() };
}

const isSet = ({ value, unset }: CgroupSetting) => value !== unset;

/** The lines for an instance's limits. Pure. */
export function limitLines(config: Config, cpus: string | undefined, world: CgroupWorld): Line[] {
  const prefix = world.unified ? "lxc.cgroup2" : "lxc.cgroup";
  const settings = cgroupSettings(config, world).filter((setting) => isSet(setting) && !setting.optional);
  const lines = settings.map(({ file, value }): Line => [`${prefix}.${file}`, value]);
  return cpus === undefined ? lines : [...lines, [`${prefix}.cpuset.cpus`, cpus]];
}

/** Throws `limit_unavailable` for a limit whose controller this machine has not. */
export function assertLimitsAvailable(config: Config, world: CgroupWorld): void {
  const settings = cgroupSettings(config, world).filter((setting) => isSet(setting) && !setting.optional);
  const wanted = settings.map(({ key, controller }) => ({ key, controller }));
  if (config["limits.cpu"]) wanted.push({ key: "limits.cpu", controller: "cpuset" });
  const controllers = availableControllers(cgroupLayout());
  for (const { key, controller } of wanted) {
    if (!controllers.has(controller)) throw fail("limit_unavailable", { key, what: `this machine's cgroups have no controller "${controller}"` });
  }
}

function availableControllers({ unified, controllers }: CgroupLayout): Set<string> {
  if (unified === undefined) return new Set(Object.keys(controllers));
  const file = `${unified}/cgroup.controllers`;
  return new Set(existsSync(file) ? readFileSync(file, "utf8").trim().split(" ") : []);
}

/** Writes what lxc.conf does not say. */
export function writeOptionalLimits(config: Config, cgroups: ContainerCgroups, world: CgroupWorld): void {
  const optional = cgroupSettings(config, world).filter(({ optional }) => optional);
  const started = optional.map((setting) => ({ ...setting, value: setting.unset }));
  writeChanges(cgroups, planChanges(started, optional), new Undo());
}
