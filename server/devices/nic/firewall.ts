// Gives the rules of nics to the kernel, and clears away those of nics that are gone.
import { existsSync } from "node:fs";
import { changeTable } from "../../../networks/nftables/apply.ts";
import { run } from "../../host/run.ts";
import { families, type NicRules, renderNicRules, renderRemoval } from "./rules.ts";

/** Puts a nic's rules in place of those before. Throws `tool_failed`, `tool_missing`. */
export async function applyNicRules(hostName: string, now: NicRules, before: NicRules = {}): Promise<void> {
  const text = renderNicRules(hostName, now, before);
  if (text) await changeTable(() => run("nft", ["-f", "-"], { input: text }));
}

/** Takes a nic's rules away, and tables that are empty then. */
export async function removeNicRules(hostName: string, before: NicRules): Promise<void> {
  const text = renderNicRules(hostName, {}, before);
  if (!text) return;
  await changeTable(async () => {
    await run("nft", ["-f", "-"], { input: text });
    for (const family of families) {
      const { stdout } = await run("nft", ["list", "table", family, "berth"]).catch(() => ({ stdout: "" }));
      if (/^table \w+ berth \{\s*\}\s*$/.test(stdout)) await run("nft", ["delete", "table", family, "berth"]);
    }
  });
}

/** Takes the rules of nics away whose interface is not there any more. */
export async function removeStaleRules(): Promise<void> {
  await changeTable(async () => {
    const { stdout } = await run("nft", ["list", "chains"]);
    const lines = [...stdout.matchAll(/^table (\w+) (\S+) \{\n([^]*?)^\}/gm)].flatMap(([, family = "", table, body = ""]) =>
      (table === "berth" ? [...body.matchAll(/^\s*chain nic\.(\S+) \{/gm)] : [])
        .filter(([, hostName = ""]) => !existsSync(`/sys/class/net/${hostName}`)).flatMap(([, hostName]) => renderRemoval(family, `nic.${hostName}`)));
    if (lines.length > 0) await run("nft", ["-f", "-"], { input: `${lines.join("\n")}\n` });
  });
}
