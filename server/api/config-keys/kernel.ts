// Names after `limits.kernel.`, `linux.sysctl.` and `environment.`: what is wrong with them.
import { closest } from "./key.ts";

/** The resource limits that liblxc knows. */
const resources = [
  "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
];

export function resourceName(name: string): string | undefined {
  if (resources.includes(name)) return undefined;
  const near = closest(name, resources);
  return near ? `did you mean "limits.kernel.${near}"?` : `known: ${resources.join(", ")}`;
}

export function sysctlName(name: string): string | undefined {
  return /^[a-zA-Z0-9_-]+([./][a-zA-Z0-9_-]+)+$/.test(name) ? undefined : "expected the name of a kernel parameter such as net.ipv4.ip_forward";
}

export function variableName(name: string): string | undefined {
  return /^[^=\s\p{Cc}]+$/u.test(name) ? undefined : "a variable's name holds no space and no \"=\"";
}

export function moduleList(value: string): string | undefined {
  return value.split(",").every((name) => /^\s*\w[\w-]*\s*$/.test(name)) ? undefined : "expected names of modules, separated by commas";
}
