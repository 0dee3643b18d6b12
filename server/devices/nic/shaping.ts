// How fast a guest may receive: a token bucket of tc's (htb) at the host's end, which delays what is too much.
// What a guest sends too fast is dropped by a rule (rules.ts).
import type { Config } from "../../api/schemas.ts";
import { run } from "../../host/run.ts";
import { parseBits } from "./bits.ts";

export interface Rates {
  ingress: number | undefined;
  egress: number | undefined;
}

/** Bits per second of its limits. */
export function ratesOf(options: Config): Rates {
  const rate = (key: string) => parseBits(options["limits.max"] || options[key] || "") || undefined;
  return { ingress: rate("limits.ingress"), egress: rate("limits.egress") };
}

/** Lines for `tc -batch`. Pure. */
export function renderShaping(hostName: string, bits: number): string[] {
  return [`qdisc add dev ${hostName} root handle 1: htb default 10`, `class add dev ${hostName} parent 1: classid 1:10 htb rate ${bits}bit`];
}

/** Makes a limit hold for what goes to the guest, or none. `before` is what holds; Throws `tool_failed`, `tool_missing`. */
export async function shape(hostName: string, bits: number | undefined, before: number | undefined | "unknown"): Promise<void> {
  if (bits === before) return;
  if (before !== undefined) await run("tc", ["qdisc", "del", "dev", hostName, "root"]).catch(() => {}); // there may be none
  if (bits) await run("tc", ["-batch", "-"], { input: `${renderShaping(hostName, bits).join("\n")}\n` });
}
