// berth info
import type { InstanceFull } from "../../../server/api/instances.ts";
import { defineCommand, targetFlag } from "../../command.ts";
import type { Context } from "../../context.ts";
import { serverShape } from "../../output/shape.ts";
import { renderTable } from "../../output/table.ts";
import { formatLocal, formatSize, formatSizeIec, isTimeSet } from "../../output/units.ts";
import type { Server } from "../../remotes/server.ts";

export const infoCommand = defineCommand({
  name: "info",
  usage: "[<instance>]",
  summary: "Show instance or server information",
  examples: `berth info <instance> [--show-log]
    For instance information.

berth info [--resources]
    For server information.`,
  args: [0, 1],
  flags: {
    resources: { kind: "bool", description: "Show the resources available to the server" },
    "show-log": { kind: "bool", description: "Show the instance's last 100 log lines?" },
    target: targetFlag,
  },
  async run(ctx, args, flags) {
    const { server, name } = ctx.resolve(args[0]);
    if (flags.resources && name === "") {
      const { renderResources } = await import("../server/resources.ts");
      return ctx.write(renderResources(await server.client.getResources()));
    }
    if (name === "") return ctx.show(await server.client.getServer(), serverShape);
    const instance = (await server.client.getInstance({ name, recursion: "1" })) as InstanceFull;
    ctx.write(renderInstance(instance));
    if (flags["show-log"]) await showLog(ctx, server, name);
  },
});

async function showLog(ctx: Context, server: Server, name: string): Promise<void> {
  const log = await server.client.getInstanceLog({ name, file: "lxc.log" });
  ctx.print(`\nLog:\n\n${await log.text()}`);
}

/** The text of `berth info NAME`. */
export function renderInstance(instance: InstanceFull): string {
  const { state } = instance;
  const lines = [
    `Name: ${instance.name}`,
    `Status: ${instance.status.toUpperCase()}`,
    `Type: ${instance.type || "container"}${instance.ephemeral ? " (ephemeral)" : ""}`,
    `Architecture: ${instance.architecture}`,
  ];
  if (state.pid !== 0) lines.push(`PID: ${state.pid}`);
  if (isTimeSet(instance.created_at)) lines.push(`Created: ${formatLocal(instance.created_at)}`);
  if (isTimeSet(instance.last_used_at)) lines.push(`Last Used: ${formatLocal(instance.last_used_at)}`);
  if (state.pid !== 0) lines.push("", "Resources:", `  Processes: ${state.processes}`, ...renderUsage(state), ...renderNetworks(state));
  return `${lines.join("\n")}\n${renderSnapshots(instance)}`;
}

type State = InstanceFull["state"];

/** A heading with its lines; nothing when there are none. */
function block(title: string, lines: string[]): string[] {
  return lines.length > 0 ? [`  ${title}:`, ...lines] : [];
}

function renderUsage({ disk, cpu, memory }: State): string[] {
  const disks = Object.entries(disk ?? {}).filter(([, { usage }]) => usage > 0);
  const sizes = [
    ["Memory (current)", memory.usage], ["Memory (peak)", memory.usage_peak], ["Swap (current)", memory.swap_usage], ["Swap (peak)", memory.swap_usage_peak],
  ] as const;
  return [
    ...block("Disk usage", disks.map(([name, { usage }]) => `    ${name}: ${formatSizeIec(usage)}`)),
    ...block("CPU usage", cpu.usage > 0 ? [`    CPU usage (in seconds): ${Math.floor(cpu.usage / 1e9)}`] : []),
    ...block("Memory usage", sizes.filter(([, size]) => size > 0).map(([name, size]) => `    ${name}: ${formatSizeIec(size)}`)),
  ];
}

function renderNetworks({ network }: State): string[] {
  const interfaces = Object.entries(network ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return block("Network usage", interfaces.flatMap(([name, it]) => [
    `    ${name}:`,
    `      Type: ${it.type}`,
    `      State: ${it.state.toUpperCase()}`,
    ...(it.host_name ? [`      Host interface: ${it.host_name}`] : []),
    ...(it.hwaddr ? [`      MAC address: ${it.hwaddr}`] : []),
    ...(it.mtu ? [`      MTU: ${it.mtu}`] : []),
    `      Bytes received: ${formatSize(it.counters.bytes_received)}`,
    `      Bytes sent: ${formatSize(it.counters.bytes_sent)}`,
    `      Packets received: ${it.counters.packets_received}`,
    `      Packets sent: ${it.counters.packets_sent}`,
    "      IP addresses:",
    ...(it.addresses ?? []).map((one) => `        ${`${one.family}:`.padEnd(6)} ${one.address}/${one.netmask} (${one.scope})`),
  ]));
}

function renderSnapshots(instance: InstanceFull): string {
  const snapshots = instance.snapshots ?? [];
  if (snapshots.length === 0) return "";
  const time = (value: string) => (isTimeSet(value) ? formatLocal(value) : " ");
  const rows = snapshots.map((it) => [it.name.split("/").at(-1) ?? "", time(it.created_at), time(it.expires_at), it.stateful ? "YES" : "NO"]);
  return `\nSnapshots:\n${renderTable(["Name", "Taken at", "Expires at", "Stateful"], rows)}`;
}
