// Gives rules to the kernel, one change at a time.
import type { Run } from "../../server/host/run.ts";
import { explainFailure } from "../failure.ts";
import type { BridgeSettings } from "../settings.ts";
import { renderRemoval, renderRules, table } from "./render.ts";
import { listChains } from "./rules.ts";

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs changes of the table one after the other. Whoever else writes to it goes through here too: an
 * empty table is deleted, and what is added meanwhile would go with it.
 */
export function changeTable<T>(change: () => Promise<T>): Promise<T> {
  const done = last.then(change);
  last = done.catch(() => {});
  return done;
}

const hint = "See `nft list ruleset`; the kernel needs nf_tables, nft_masq and nft_ct (modprobe nf_tables).";

/** Replaces a network's chains. Throws `network_start_failed` with nft's own words, `tool_missing`. */
export async function applyRules(settings: BridgeSettings, run: Run): Promise<void> {
  try {
    await changeTable(() => run("nft", ["-f", "-"], { input: renderRules(settings.name, listChains(settings)) }));
  } catch (error) {
    throw explainFailure(settings.name, error, hint);
  }
}

/** Takes the table away when nothing is in it. To be called within a change. */
export async function removeEmptyTable(run: Run): Promise<void> {
  const { stdout } = await run("nft", ["list", "table", ...table.split(" ")]);
  if (/^table inet berth \{\s*\}\s*$/.test(stdout)) await run("nft", ["delete", "table", ...table.split(" ")]);
}

/** Takes a network's chains away, and the table when nothing else is in it. Throws `tool_failed`, `tool_missing`. */
export async function removeRules(network: string, run: Run): Promise<void> {
  await changeTable(async () => {
    await run("nft", ["-f", "-"], { input: renderRemoval(network) });
    await removeEmptyTable(run);
  });
}
