// berth top: what running instances use, live
import type { InstanceFull } from "../../../server/api/instances.ts";
import { parseSize } from "../../../server/api/config-keys/key.ts";
import { statusCodes } from "../../../server/api/envelope.ts";
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { openScreen } from "../../output/screen.ts";
import { renderTable } from "../../output/table.ts";
import { formatSizeIec } from "../../output/units.ts";

const sorts: Readonly<Record<string, (row: Usage) => number | string>> = { cpu: (it) => -it.cpu, memory: (it) => -it.memory, name: (it) => it.name };

interface Usage {
  name: string;
  cpu: number;
  memory: number;
  limit: number | undefined;
  processes: number;
  received: number;
  sent: number;
}

interface Sample {
  at: number;
  instances: InstanceFull[];
}

const bytes = (instance: InstanceFull, key: "bytes_received" | "bytes_sent") =>
  Object.values(instance.state?.network ?? {}).filter((it) => it.type !== "loopback").reduce((sum, it) => sum + it.counters[key], 0);

/** What each instance has used between two samples; rates are per second, the processor's is in percent of one. */
export function usageBetween(before: Sample, now: Sample): Usage[] {
  const seconds = Math.max(0.001, (now.at - before.at) / 1000);
  return now.instances.filter((it) => it.status_code === statusCodes.Running || it.status_code === statusCodes.Ready || it.status_code === statusCodes.Frozen).map((it) => {
    const last = before.instances.find((one) => one.name === it.name && one.project === it.project);
    // Counters begin anew when an instance restarts.
    const rate = (value: number, old: number | undefined) => (old === undefined || value < old ? 0 : (value - old) / seconds);
    return {
      name: it.name, memory: it.state.memory.usage, limit: parseSize(it.expanded_config?.["limits.memory"] ?? ""), processes: it.state.processes,
      cpu: rate(it.state.cpu.usage, last?.state.cpu.usage) / 1e7,
      received: rate(bytes(it, "bytes_received"), last && bytes(last, "bytes_received")), sent: rate(bytes(it, "bytes_sent"), last && bytes(last, "bytes_sent")),
    };
  });
}

export function renderUsage(rows: readonly Usage[], sort: string): string {
  const key = sorts[sort] ?? sorts["cpu"];
  const ordered = [...rows].sort((a, b) => {
    const [x, y] = [key?.(a) ?? 0, key?.(b) ?? 0];
    return x < y ? -1 : x > y ? 1 : a.name < b.name ? -1 : 1;
  });
  const speed = (value: number) => `${formatSizeIec(Math.round(value))}/s`;
  const cells = ordered.map((it) => [
    it.name, `${it.cpu.toFixed(1)}%`, formatSizeIec(it.memory), it.limit ? `${((it.memory / it.limit) * 100).toFixed(0)}%` : "", String(it.processes), speed(it.received), speed(it.sent),
  ]);
  return renderTable(["NAME", "CPU", "MEMORY", "OF LIMIT", "PROCESSES", "RECEIVED", "SENT"], cells, "compact");
}

export const topCommand = defineCommand({
  name: "top",
  usage: "[<remote>:]",
  summary: "Show what running instances use, live",
  description: `Show what running instances use, live

q or Ctrl-C ends it. When it does not write to a terminal, one table is printed.`,
  args: [0, 1],
  flags: {
    delay: { kind: "int", short: "d", default: 2, description: "Seconds between two looks" },
    sort: { kind: "string", short: "s", default: "cpu", description: "Order (cpu|memory|name)" },
  },
  async run(ctx, [argument], flags) {
    const { server } = ctx.resolve(argument);
    if (!Object.hasOwn(sorts, flags.sort)) throw new CliError(`Invalid order "${flags.sort}"`, { hint: `choose one of ${Object.keys(sorts).join(", ")}.` });
    const take = async (): Promise<Sample> => ({ instances: (await server.client.listInstances({ recursion: "2" })) as InstanceFull[], at: performance.now() });
    let before = await take();
    await using screen = openScreen();
    for (let pause = 500; await screen.sleep(pause); pause = Math.max(1, flags.delay) * 1000) {
      const now = await take();
      screen.draw(renderUsage(usageBetween(before, now), flags.sort));
      before = now;
      if (!screen.isLive) return;
    }
  },
});
