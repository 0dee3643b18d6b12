// The host's end of a bridged nic as a port of its bridge.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Config } from "../../api/schemas.ts";
import { runBridge } from "./ip.ts";
import { parseVlans } from "./vlan-ids.ts";

/** Whether an interface is a port of any bridge. */
export const isPort = (hostName: string): boolean => existsSync(`/sys/class/net/${hostName}/brport`);

/** Isolated ports reach all others but each other. Throws when the interface is no port. */
export function setIsolated(hostName: string, isolated: boolean): void {
  const file = `/sys/class/net/${hostName}/brport/isolated`;
  const value = isolated ? "1" : "0";
  if (readFileSync(file, "utf8").trim() !== value) writeFileSync(file, value);
}

/** Lines for `bridge -batch` that give a port its VLANs; `usual` is the VLAN that ports of the bridge begin in. Pure. */
export function renderPortVlans(options: Config, hostName: string, usual: string): string[] {
  const { vlan } = options;
  const tagged = parseVlans(options["vlan.tagged"] ?? "") ?? [];
  return [
    ...(vlan && usual !== "0" && vlan !== usual ? [`vlan del dev ${hostName} vid ${usual}`] : []),
    ...(vlan && vlan !== "none" ? [`vlan add dev ${hostName} vid ${vlan} pvid untagged`] : []),
    ...tagged.map(([first, last]) => `vlan add dev ${hostName} vid ${first === last ? first : `${first}-${last}`}`),
  ];
}

/** Puts a port into its VLANs. Throws when its bridge does not filter by VLAN, and `tool_failed`. */
export async function setPortVlans(options: Config, bridge: string, hostName: string): Promise<void> {
  if (!options["vlan"] && !options["vlan.tagged"]) return;
  const read = (file: string) => readFileSync(`/sys/class/net/${bridge}/bridge/${file}`, "utf8").trim();
  let filtering = "";
  try {
    filtering = read("vlan_filtering");
  } catch {
    // no such file in kernels without VLANs
  }
  if (filtering !== "1") throw new Error(`VLAN filtering is not enabled on bridge "${bridge}" (ip link set ${bridge} type bridge vlan_filtering 1)`);
  await runBridge(renderPortVlans(options, hostName, read("default_pvid")));
}
