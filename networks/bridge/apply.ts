// Brings a bridge into being, or an existing one to what its configuration says.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { isCode } from "../../server/api/errors.ts";
import type { Run } from "../../server/host/run.ts";
import { makeMac } from "../addresses/mac.ts";
import { explainFailure, startFailed } from "../failure.ts";
import type { BridgeSettings } from "../settings.ts";
import { type BridgeFound, renderBridgeSysctls, renderConfigure, renderCreate, renderForwardingSysctls } from "./render.ts";
import { forwardIpv6, hasIpv6, writeSysctl } from "./sysctl.ts";

/** Whether an interface of that name is there. */
export function interfaceExists(name: string): boolean {
  return existsSync(`/sys/class/net/${name}`);
}

interface LinkRow {
  address?: string;
  mtu?: number;
  flags?: string[];
  linkinfo?: { info_kind?: string };
  addr_info?: { local?: string; prefixlen?: number; scope?: string }[];
}

/** Reads the interface of that name. Throws `network_start_failed` when it is no bridge. */
async function findBridge(name: string, run: Run): Promise<BridgeFound> {
  const [addresses, routes4, routes6] = await Promise.all([
    run("ip", ["-j", "-d", "addr", "show", "dev", name]),
    run("ip", ["-j", "-4", "route", "show", "dev", name, "proto", "static"]),
    run("ip", ["-j", "-6", "route", "show", "dev", name, "proto", "static"]).catch(() => ({ stdout: "[]" })),
  ]);
  const row = (JSON.parse(addresses.stdout || "[]") as LinkRow[]).find((entry) => entry.mtu !== undefined);
  if (row?.linkinfo?.info_kind !== "bridge") {
    throw startFailed(name, `there is an interface "${name}" on this machine that is no bridge`, "Choose another name for the network.");
  }
  const routes = [routes4, routes6].flatMap(({ stdout }) => JSON.parse(stdout || "[]") as { dst: string }[]);
  return {
    mac: row.address ?? "",
    mtu: row.mtu ?? 1500,
    up: row.flags?.includes("UP") ?? false,
    addresses: (row.addr_info ?? []).filter(({ scope }) => scope !== "link").map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    routes: routes.map(({ dst }) => dst),
  };
}

async function runBatch(name: string, lines: readonly string[], run: Run): Promise<void> {
  if (lines.length === 0) return;
  try {
    await run("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
  } catch (error) {
    const unsupported = isCode(error, "tool_failed") && /unknown device type|not supported/i.test(String(error.details["reason"]));
    throw explainFailure(name, error, unsupported ? "This kernel has no bridges: load them with modprobe bridge." : "");
  }
}

/** VLANs on the bridge are a convenience: a kernel built without them still bridges. */
function filterVlans(name: string): void {
  const path = `/sys/class/net/${name}/bridge/vlan_filtering`;
  try {
    if (readFileSync(path, "utf8").trim() !== "1") writeFileSync(path, "1");
  } catch {
    // left as it is
  }
}

/**
 * Makes the bridge or adopts the one there is; what is right already is not touched. `seed` decides its MAC
 * address when none is configured. Resolves to whether it was made. Throws `network_start_failed`, `tool_missing`.
 */
export async function applyBridge(settings: BridgeSettings, seed: string, run: Run): Promise<boolean> {
  const { name } = settings;
  const mac = settings.hwaddr ?? makeMac(seed);
  const created = !interfaceExists(name);
  if (created) await runBatch(name, renderCreate(settings, mac), run);
  try {
    const found = created ? { mac, mtu: 1500, up: false, addresses: [], routes: [] } : await findBridge(name, run);
    if (hasIpv6()) for (const sysctl of renderBridgeSysctls(settings)) writeSysctl(name, sysctl);
    filterVlans(name);
    await runBatch(name, renderConfigure(settings, found), run);
    for (const sysctl of renderForwardingSysctls(settings)) writeSysctl(name, sysctl);
    if (settings.ipv6?.routing) forwardIpv6(name);
    return created;
  } catch (error) {
    if (created) await run("ip", ["link", "del", "dev", name]).catch(() => {});
    throw explainFailure(name, error);
  }
}
