// Gives the rules of forwards to the kernel, and takes them away.
import { readFileSync, writeFileSync } from "node:fs";
import type { Family } from "../../server/api/config-keys/ip.ts";
import type { Run } from "../../server/host/run.ts";
import { forwardIpv6, readSysctl, writeSysctl } from "../bridge/sysctl.ts";
import { changeTable, removeEmptyTable } from "./apply.ts";
import { isNatChain, type NatForward, natChains, renderChainRemoval, renderNatForward } from "./nat-forward.ts";
import { table } from "./render.ts";

/** Where traffic between ports of a bridge passes the firewall, a port must take back what it sent. */
function allowHairpin(family: Family, port: string | undefined): void {
  if (!port || readSysctl(`bridge/bridge-nf-call-${family === 4 ? "iptables" : "ip6tables"}`) !== "1") return;
  const file = `/sys/class/net/${port}/brport/hairpin_mode`;
  try {
    if (readFileSync(file, "utf8").trim() !== "1") writeFileSync(file, "1");
  } catch {
    // it is no port of a bridge
  }
}

/**
 * Makes a forward hold. `bridge` and `port`: where its target is. Throws `tool_failed`, `tool_missing`, and
 * `network_start_failed` when the machine cannot be made to forward.
 */
export async function applyNatForward(forward: NatForward, { bridge, port }: { bridge: string; port: string | undefined }, run: Run): Promise<void> {
  if (forward.family === 4) writeSysctl(bridge, { path: "ipv4/ip_forward", value: "1" });
  else forwardIpv6(bridge);
  allowHairpin(forward.family, port);
  await changeTable(() => run("nft", ["-f", "-"], { input: renderNatForward(forward) }));
}

async function listNatChains(run: Run): Promise<string[]> {
  const listed = await run("nft", ["list", "chains", "inet"]).catch(() => ({ stdout: "" })); // no table, no chains
  const own = new RegExp(`^table ${table} \\{([^]*?)^\\}`, "m").exec(listed.stdout)?.[1] ?? "";
  return [...own.matchAll(/^\s*chain (\S+) \{/gm)].map(([, name = ""]) => name).filter(isNatChain);
}

async function removeChains(chains: readonly string[], run: Run): Promise<void> {
  if (chains.length === 0) return;
  await run("nft", ["-f", "-"], { input: renderChainRemoval(chains) });
  await removeEmptyTable(run);
}

/** Takes a forward's rules away. Throws `tool_failed`, `tool_missing`. */
export async function removeNatForward(label: string, run: Run): Promise<void> {
  await changeTable(async () => {
    const there = await listNatChains(run);
    await removeChains(natChains(label).filter((name) => there.includes(name)), run);
  });
}

/** Takes the rules of all forwards away but those of the labels that are given when it is its turn. */
export async function sweepNatForwards(labels: () => readonly string[], run: Run): Promise<void> {
  await changeTable(async () => {
    const there = await listNatChains(run);
    const keep = new Set(labels().flatMap(natChains));
    await removeChains(there.filter((name) => !keep.has(name)), run);
  });
}
