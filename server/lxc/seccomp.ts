// The system calls a container may not make.
import { tidyPolicy } from "../api/config-keys/system-calls.ts";
import { isTrue } from "../api/config-keys/key.ts";
import type { Config } from "../api/schemas.ts";

const denied = ["kexec_load", "open_by_handle_at", "init_module", "finit_module", "delete_module"];
const ENOSYS = 38;
const noSuchCall = (call: string) => `${call} errno ${ENOSYS}`;

const nothingDenied = ["2", "denylist", "[all]"];

/** Whether a guest has a policy at all: one that denies nothing is none. */
export function hasSeccomp(config: Config): boolean {
  return policy(config, () => ["any"]).join() !== nothingDenied.join();
}

/**
 * The policy, in liblxc's format (version 2): one of the user's own, or what is allowed and nothing else, or what is refused.
 * `elder`: the system calls that only the 32-bit programs of the processor have.
 */
export function renderSeccomp(config: Config, elder: () => readonly string[]): string {
  return `${policy(config, elder).join("\n")}\n`;
}

function policy(config: Config, elder: () => readonly string[]): string[] {
  const { "raw.seccomp": raw, "security.syscalls.allow": allow, "security.syscalls.deny": deny } = config;
  if (raw) return tidyPolicy(raw);
  if (allow) return ["2", "allowlist", "[all]", ...tidyPolicy(allow)];
  const byDefault = isTrue(config["security.syscalls.deny_default"] ?? "true") ? ["reject_force_umount", "[all]", ...denied.map(noSuchCall)] : [];
  const compat = isTrue(config["security.syscalls.deny_compat"]) ? elder().map(noSuchCall) : [];
  return ["2", "denylist", ...byDefault, "[all]", ...compat, ...tidyPolicy(deny ?? "")];
}
