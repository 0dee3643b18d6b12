// berth snapshot and berth restore
import { zeroTime } from "../../../server/api/schemas.ts";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { nameOf, splitSnapshot } from "../../remote.ts";

export const snapshotCommand = defineCommand({
  name: "snapshot",
  usage: "<instance> [<snapshot name>]",
  summary: "Create instance snapshots",
  examples: `berth snapshot u1 snap0
    Create a snapshot of "u1" called "snap0".`,
  args: [1, 2],
  flags: {
    "no-expiry": { kind: "bool", description: "Ignore any configured auto-expiry for the instance" },
    reuse: { kind: "bool", description: "If the snapshot name already exists, delete and create a new one" },
    stateful: { kind: "bool", description: "Whether or not to snapshot the instance's running state", hidden: true },
  },
  async run(ctx, args, flags) {
    const { name, snapshot } = readTarget(args);
    if (flags.reuse && snapshot !== "") await deleteIfThere(ctx, name, snapshot);
    const body = { name: snapshot, stateful: flags.stateful, expires_at: flags["no-expiry"] ? zeroTime : null };
    await ctx.follow(await ctx.client.createSnapshot({ name, body }));
  },
});

/** `c1 s0`, or `c1/s0`. */
function readTarget([first, second]: readonly string[]): { name: string; snapshot: string } {
  const name = nameOf(first, "instance");
  const { instance, snapshot } = splitSnapshot(name);
  if (snapshot !== undefined && second !== undefined) throw new CliError(`Invalid instance name: ${name}`);
  return { name: instance, snapshot: snapshot ?? second ?? "" };
}

async function deleteIfThere(ctx: Context, name: string, snapshot: string): Promise<void> {
  const found = await ctx.client.getSnapshot({ name, snapshot }).catch(() => undefined);
  if (found) await ctx.follow(await ctx.client.deleteSnapshot({ name, snapshot }));
}

export const restoreCommand = defineCommand({
  name: "restore",
  usage: "<instance> <snapshot>",
  summary: "Restore instances from snapshots",
  examples: `berth snapshot u1 snap0
    Create the snapshot.

berth restore u1 snap0
    Restore the snapshot.`,
  args: [2, 2],
  flags: { stateful: { kind: "bool", description: "Whether or not to restore the instance's running state from snapshot (if available)", hidden: true } },
  async run(ctx, [first, snapshot = ""], flags) {
    const name = nameOf(first, "instance");
    const restore = snapshot.includes("/") ? snapshot : `${name}/${snapshot}`;
    await ctx.follow(await ctx.client.replaceInstance({ name, body: { restore, stateful: flags.stateful } }));
  },
});
