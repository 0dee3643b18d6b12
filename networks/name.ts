// Names of managed networks: they are interface names, file names, and words in firewall rules.
import { fail } from "../server/api/errors.ts";

/** Names with a meaning of their own under /proc/sys/net. */
const reserved = new Set(["all", "default", "lo"]);

/** Why a name is none for a network; undefined when it is one. */
export function checkNetworkName(name: string): string | undefined {
  if (name.length < 2) return "it is too short (minimum 2 characters)";
  if (name.length > 15) return "it is too long (maximum 15 characters)";
  if (!/^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$/.test(name)) return "only letters, digits, dots, dashes and underscores, no dot or dash first";
  return reserved.has(name) ? "the kernel uses this name itself" : undefined;
}

/** Throws `invalid_name` unless the name is safe wherever it is written. */
export function assertNetworkName(name: string): void {
  const reason = checkNetworkName(name);
  if (reason) throw fail("invalid_name", { what: "network", name, reason });
}
