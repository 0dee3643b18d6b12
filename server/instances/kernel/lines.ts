// What a configuration asks of the kernel besides limits of cgroups, as lines of lxc.conf. Pure.
import { parseRawLxc } from "../../api/config-keys/raw-lxc.ts";
import type { Config } from "../../api/schemas.ts";
import type { Line } from "../../lxc/render-config.ts";

/** Kernel parameters, resource limits of init's, and rules for AppArmor where the kernel has that. */
export function kernelLines(config: Config, appArmor: boolean): Line[] {
  const rules = appArmor ? (config["raw.apparmor"] ?? "").split("\n").map((rule) => rule.trim()).filter(Boolean) : [];
  return [
    ...resourceLimits(config),
    ...withPrefix(config, "linux.sysctl.").map(([name, value]): Line => [`lxc.sysctl.${name}`, value]),
    ...rules.map((rule): Line => ["lxc.apparmor.raw", rule]),
  ];
}

export function resourceLimits(config: Config): Line[] {
  return withPrefix(config, "limits.kernel.").map(([name, value]) => [`lxc.prlimit.${name}`, value]);
}

function withPrefix(config: Config, prefix: string): [name: string, value: string][] {
  return Object.entries(config).filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]);
}

/** A user's own lines. */
export function rawLines(config: Config): string {
  return parseRawLxc(config["raw.lxc"] ?? "").map(({ key, value = "" }) => `${key} = ${value}\n`).join("");
}
