// berth snapshot and berth restore
import { zeroTime } from "../../../server/api/schemas.ts";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { splitSnapshot } from "../../remote.ts";
import type { Server } from "../../remotes/server.ts";

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
    const { server, name, snapshot } = readTarget(ctx, args);
    if (flags.reuse && snapshot !== "") await deleteIfThere(server, name, snapshot);
    const body = { name: snapshot, stateful: flags.stateful, expires_at: flags["no-expiry"] ? zeroTime : null };
    await server.follow(await server.client.createSnapshot({ name, body }));
  },
});

/** `c1 s0`, or `c1/s0`. */
function readTarget(ctx: Context, [first, second]: readonly string[]): { server: Server; name: string; snapshot: string } {
  const { server, name } = ctx.resolve(first, "instance");
  const { instance, snapshot } = splitSnapshot(name);
  if (snapshot !== undefined && second !== undefined) throw new CliError(`Invalid instance name: ${name}`);
  return { server, name: instance, snapshot: snapshot ?? second ?? "" };
}

async function deleteIfThere(server: Server, name: string, snapshot: string): Promise<void> {
  const found = await server.client.getSnapshot({ name, snapshot }).catch(() => undefined);
  if (found) await server.follow(await server.client.deleteSnapshot({ name, snapshot }));
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
    const { server, name } = ctx.resolve(first, "instance");
    const restore = snapshot.includes("/") ? snapshot : `${name}/${snapshot}`;
    await server.follow(await server.client.replaceInstance({ name, body: { restore, stateful: flags.stateful } }));
  },
});
