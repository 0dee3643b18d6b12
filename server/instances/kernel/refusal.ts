// Starts that failed because the kernel refused something of the configuration: which key that was, and the way out.
import { BerthError, isCode } from "../../api/errors.ts";
import type { Config } from "../../api/schemas.ts";

interface Refusal {
  /** What liblxc says: the kernel's reason, and the name. */
  pattern: RegExp;
  prefix: string;
  hint: string;
}

const refusals: readonly Refusal[] = [
  {
    pattern: /(?:^|\n)([^\n]*?) - Failed to setup sysctl parameters (\S+) to /, prefix: "linux.sysctl.",
    hint: "Only parameters of the guest's own namespaces can be set (most of net., some of kernel. and fs.), and only to values that the kernel knows.",
  },
  {
    pattern: /(?:^|\n)([^\n]*?) - Failed to set limit (\S+)/, prefix: "limits.kernel.",
    hint: "Limits above those of berthd itself want CAP_SYS_RESOURCE, which this machine may not give; raise them for berthd (LimitNOFILE= and the like), or ask for less.",
  },
];

/** The error that names the key; the one given when it says nothing of that kind. */
export function explainRefusal(error: unknown, name: string, config: Config): unknown {
  if (!isCode(error, "start_failed")) return error;
  for (const { pattern, prefix, hint } of refusals) {
    const [, reason, which] = pattern.exec(String(error.details["reason"])) ?? [];
    if (which === undefined) continue;
    const key = `${prefix}${which}`;
    const details = { name, reason: `the kernel refuses "${config[key] ?? ""}" for "${key}": ${reason}` };
    return new BerthError("start_failed", details, { cause: error, hint });
  }
  return error;
}
