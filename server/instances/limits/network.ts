// `limits.network.priority`: the kernel's priority of what guests send, set where it comes out on the host, for the queues it
// passes from there. The kernel's own cgroup controller for this knows only interfaces of the host, so a guest never meets it.
import { existsSync } from "node:fs";
import { changeTable } from "../../../networks/nftables/apply.ts";
import type { Context } from "../../context.ts";
import { run } from "../../host/run.ts";
import { explain, log } from "../../log.ts";
import { systemNameOf } from "../store.ts";

const table = "netdev berth_priority";

export interface NetworkPriority {
  /** The host's end. */
  hostName: string;
  priority: number;
}

/** Text for `nft -f -` that puts these in place of what was. Pure. */
export function renderPriorities(priorities: readonly NetworkPriority[]): string {
  const chains = priorities.flatMap(({ hostName, priority }) => [
    `add chain ${table} nic.${hostName} { type filter hook ingress device "${hostName}" priority 0; policy accept; }`,
    `add rule ${table} nic.${hostName} meta priority set "0:${priority}"`,
  ]);
  return [`add table ${table}`, `delete table ${table}`, ...(chains.length > 0 ? [`add table ${table}`, ...chains] : []), ""].join("\n");
}

/** What all that run are to have. */
function wanted(ctx: Context): NetworkPriority[] {
  const running = new Map(ctx.runtime.entries().filter(([, { held }]) => Number(held.config["limits.network.priority"] ?? 0) > 0));
  if (running.size === 0) return [];
  return ctx.instances.list().flatMap((instance) => {
    const held = running.get(systemNameOf(instance))?.held;
    const nics = Object.entries(held?.devices ?? {}).filter(([, options]) => options["type"] === "nic");
    return nics.map(([name]) => instance.config[`volatile.${name}.host_name`] ?? "").filter((hostName) => hostName !== "" && existsSync(`/sys/class/net/${hostName}`))
      .map((hostName) => ({ hostName, priority: Number(held?.config["limits.network.priority"]) }));
  });
}

let last: string | undefined;

/** Makes the priorities of all that run hold. What the kernel does not take is logged: nothing depends on it. */
export async function setNetworkPriorities(ctx: Context): Promise<void> {
  await changeTable(async () => {
    const text = renderPriorities(wanted(ctx));
    if (text === (last ?? renderPriorities([]))) return;
    await run("nft", ["-f", "-"], { input: text });
    last = text;
  }).catch((error) => log.warn("network priorities could not be set", { error: explain(error) }));
}

/** Clears away what an earlier daemon set. */
export async function recoverNetworkPriorities(ctx: Context): Promise<void> {
  const { stdout } = await run("nft", ["list", "tables"]).catch(() => ({ stdout: "" }));
  if (stdout.includes(table)) last = "";
  await setNetworkPriorities(ctx);
}
