// One command in several instances at once: lines of output with the name before them, and a table of exits.
import type { Instance } from "../../../server/api/instances.ts";
import { statusCodes } from "../../../server/api/envelope.ts";
import type { InstanceExecPost } from "../../../server/api/instances.ts";
import type { Context, Target } from "../../context.ts";
import { CliError, messageOf } from "../../errors.ts";
import { runSession } from "../../exec/session.ts";
import { compareNatural } from "../../output/natural.ts";
import { displayWidth, renderTable } from "../../output/table.ts";

/** So many at once: each has a few connections. */
const together = 16;

export async function execInAll(ctx: Context, post: InstanceExecPost): Promise<number> {
  const { server } = ctx.resolve();
  if (post.command.length === 0) throw new CliError("Name the command to run", { hint: "berth exec --all -- COMMAND" });
  const instances = (await server.client.listInstances({ recursion: "1" })) as Instance[];
  const running = instances.filter((it) => it.status_code === statusCodes.Running || it.status_code === statusCodes.Ready);
  return execInTargets(ctx, running.map(({ name }) => ({ server, name })), post);
}

export function execInSeveral(ctx: Context, names: readonly string[], post: InstanceExecPost): Promise<number> {
  return execInTargets(ctx, names.map((name) => ctx.resolve(name, "instance")), post);
}

async function execInTargets(ctx: Context, targets: Target[], post: InstanceExecPost): Promise<number> {
  if (targets.length === 0) throw new CliError("No instance is running");
  const labels = targets.map(({ server, name }) => (targets.every((it) => it.server === server) ? name : `${server.remote}:${name}`));
  const width = Math.max(...labels.map(displayWidth));
  const exits = new Map<string, string>();
  const queue = targets.map((target, i) => ({ target, label: labels[i] ?? "" })).sort((a, b) => compareNatural(a.label, b.label));
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { target, label } = next;
      const lines = new LineWriter(ctx, `${label}${" ".repeat(width - displayWidth(label))} | `);
      exits.set(label, "");
      exits.set(label, await runSession(target, post, { useStdin: false, write: async (fd, ...parts) => lines.write(fd, ...parts) }).then(String, messageOf));
      lines.end();
    }
  };
  await Promise.all(Array.from({ length: together }, work));
  const rows = [...exits].sort(([a], [b]) => compareNatural(a, b));
  if (!ctx.globals.quiet) ctx.warn(renderTable(["NAME", "EXIT"], rows).trimEnd());
  return rows.every(([, exit]) => exit === "0") ? 0 : 1;
}

/** Whole lines, so that those of several instances do not mix. */
class LineWriter {
  readonly #ctx: Context;
  readonly #prefix: string;
  readonly #rest = { 1: Buffer.alloc(0), 2: Buffer.alloc(0) };

  constructor(ctx: Context, prefix: string) {
    this.#ctx = ctx;
    this.#prefix = prefix;
  }

  write(fd: 1 | 2, ...parts: Uint8Array[]): void {
    const all = Buffer.concat([this.#rest[fd], ...parts]);
    const end = all.lastIndexOf(10) + 1;
    this.#rest[fd] = all.subarray(end);
    if (end > 0) this.#put(fd, all.toString("utf8", 0, end - 1));
  }

  end(): void {
    for (const fd of [1, 2] as const) if (this.#rest[fd].length > 0) this.#put(fd, this.#rest[fd].toString("utf8"));
  }

  #put(fd: 1 | 2, text: string): void {
    const lines = text.split("\n").map((line) => this.#prefix + line).join("\n");
    if (fd === 1) this.#ctx.print(lines);
    else this.#ctx.warn(lines);
  }
}
