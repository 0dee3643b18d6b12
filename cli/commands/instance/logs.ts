// berth logs: an instance's journal, or what was written to its console when it keeps none
import { defineCommand, type Flags, type Values } from "../../command.ts";
import { CliError } from "../../errors.ts";
import type { Target } from "../../context.ts";
import { writeAll } from "../../output/write.ts";

const flags = {
  console: { kind: "bool", description: "Show what was written to the console, even if there is a journal" },
  follow: { kind: "bool", short: "f", description: "Go on with what is written from now on" },
  since: { kind: "string", description: "Begin at a time, as in 10min ago, today or 2026-11-25 12:00" },
  tail: { kind: "int", short: "n", default: -1, description: "Show only so many of the last lines" },
  unit: { kind: "list", short: "u", description: "Show only what a service has written" },
} as const satisfies Flags;
type LogValues = Values<typeof flags>;

const pollInterval = 500;

export const logsCommand = defineCommand({
  name: "logs",
  usage: "<instance>",
  summary: "Show what an instance and its services have written",
  description: `Show what an instance and its services have written

The journal of a running instance is shown, of one that is stopped or has no journal the console's history.`,
  examples: `berth logs -f web
    Follow the journal of "web".

berth logs web --unit nginx --since "10min ago"
    What nginx has written of late.`,
  args: [1, 1],
  flags,
  async run(ctx, [instance], values) {
    const target = ctx.resolve(instance, "instance");
    if (!values.console) {
      const status = await showJournal(target, values);
      if (status !== undefined) return status;
      if (values.unit.length > 0 || values.since !== "") throw new CliError(`The instance "${target.name}" has no journal`, { hint: "without --unit and --since the console's history is shown." });
    }
    await showConsole(target, values);
  },
});

/** journalctl's arguments for our flags. */
export function journalArguments({ follow, since, tail, unit }: Pick<LogValues, "follow" | "since" | "tail" | "unit">): string[] {
  return [
    "journalctl", "--no-pager", "--quiet", ...(follow ? ["--follow"] : []), ...(since === "" ? [] : [`--since=${since}`]),
    ...(tail < 0 ? (follow ? ["--lines=10"] : []) : [`--lines=${tail}`]), ...unit.map((name) => `--unit=${name}`),
  ];
}

/** The exit status; undefined when there is no journalctl, or nothing runs that could be asked. */
async function showJournal(target: Target, values: LogValues): Promise<number | undefined> {
  const { runSession } = await import("../../exec/session.ts");
  const post = { command: journalArguments(values), "wait-for-websocket": true, interactive: false, environment: {}, width: 0, height: 0, user: 0, group: 0, cwd: "" };
  try {
    const status = await runSession(target, post, { useStdin: false });
    return values.follow && status > 128 ? 0 : status; // ended by Ctrl-C
  } catch (error) {
    if (error instanceof CliError && (error.exitCode === 127 || error.exitCode === 126)) return undefined;
    const { status } = await target.server.client.getInstance({ name: target.name });
    if (status !== "Running") return undefined;
    throw error;
  }
}

function lastLines(log: Buffer, count: number): Buffer {
  if (count < 0) return log;
  const lines = log.toString("latin1").replace(/\n$/, "").split("\n");
  return Buffer.from(count === 0 ? "" : `${lines.slice(-count).join("\n")}\n`, "latin1");
}

async function showConsole({ server, name }: Target, { follow, tail }: LogValues): Promise<void> {
  const read = async () => {
    const parts: Uint8Array[] = [];
    for await (const part of (await server.client.getConsoleLog({ name })).body) parts.push(part);
    return Buffer.concat(parts);
  };
  let log = await read();
  await writeAll(1, lastLines(log, follow && tail < 0 ? 10 : tail));
  while (follow) {
    await new Promise((resolve) => setTimeout(resolve, pollInterval));
    const now = await read();
    // A history that is shorter was begun anew, when it was full or the instance restarted.
    await writeAll(1, now.length >= log.length ? now.subarray(log.length) : now);
    log = now;
  }
}
