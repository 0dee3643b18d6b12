// berth move and berth rename: another name, another pool, another project
import { defineCommand, type Flags, type Values } from "../../command.ts";
import type { Context, Target } from "../../context.ts";
import { CliError, prefixed } from "../../errors.ts";
import { splitSnapshot } from "../../remote.ts";
import type { Server } from "../../remotes/server.ts";

const flags = {
  "allow-inconsistent": { kind: "bool", description: "Ignore copy errors for volatile files" },
  config: { kind: "list", short: "c", description: "Config key/value to apply to the target instance" },
  device: { kind: "list", short: "d", description: "New key/value to apply to a specific device" },
  "instance-only": { kind: "bool", description: "Move the instance without its snapshots" },
  mode: { kind: "string", default: "pull", description: "Transfer mode. One of pull, push or relay." },
  "no-profiles": { kind: "bool", description: "Unset all profiles on the target instance" },
  profile: { kind: "list", short: "p", description: "Profile to apply to the target instance" },
  stateless: { kind: "bool", description: "Copy a stateful instance stateless" },
  storage: { kind: "string", short: "s", description: "Storage pool name" },
  target: { kind: "string", description: "Cluster member name", hidden: true },
  "target-project": { kind: "string", description: "Copy to a project different from the source" },
} as const satisfies Flags;
type MoveValues = Values<typeof flags>;

export const moveCommand = defineCommand({
  name: "move",
  aliases: ["mv"],
  usage: "<instance>[/<snapshot>] [<instance>[/<snapshot>]]",
  summary: "Move instances",
  examples: `berth move <old name> <new name>
    Rename a local instance.

berth move <instance>/<old snapshot name> <instance>/<new snapshot name>
    Rename a snapshot.

berth move <instance> --storage <pool>
    Move an instance to another storage pool.

berth move <instance> <remote>:
    Move an instance to another server.`,
  args: [1, 2],
  flags,
  async run(ctx, [from, to], values) {
    const [origin, goal] = [ctx.resolve(from, "instance"), ctx.resolve(to)];
    if (to !== undefined && goal.server !== origin.server) return moveBetween(origin, goal, values);
    assertPlain(values);
    const moves = values.storage !== "" || values["target-project"] !== "";
    if (!moves && to === undefined) throw new CliError("Invalid number of arguments");
    if (!moves) return rename(ctx, from, to);
    const { server, name } = ctx.resolve(from, "instance");
    const destination = ctx.resolve(to);
    await moveInstance(server, name, destination.name, values);
  },
});

export const renameCommand = defineCommand({
  name: "rename",
  usage: "<instance>[/<snapshot>] <instance>[/<snapshot>]",
  summary: "Rename instances and snapshots",
  args: [2, 2],
  run: (ctx, [from, to]) => rename(ctx, from, to),
});

/** Only between servers could these be followed. */
function assertPlain(values: MoveValues): void {
  if (values.target) throw new CliError("The source LXD server is not clustered");
  if (values.config.length > 0 || values.device.length > 0 || values.profile.length > 0 || values["no-profiles"]) {
    throw new CliError("Can't override configuration or profiles in local rename");
  }
  if (values.storage && values["target-project"]) throw new CliError("--storage can't be used together with --target-project", { hint: "Do one after the other." });
}

async function rename(ctx: Context, sourceArgument: string | undefined, targetArgument: string | undefined): Promise<void> {
  const { server, name: from } = ctx.resolve(sourceArgument, "instance");
  const target = ctx.resolve(targetArgument);
  // A name without a remote is of the server where the instance is.
  if (targetArgument?.includes(":") && target.server !== server) throw new CliError("Can't specify a different remote for rename");
  const to = target.name;
  if (to === "") throw new CliError("Missing instance name");
  const [source, destination] = [splitSnapshot(from), splitSnapshot(to)];
  if (source.snapshot === undefined) return void (await server.follow(await server.client.renameInstance({ name: from, body: { name: to } })));
  if (source.instance !== destination.instance) throw new CliError("Invalid new snapshot name, parent must be the same as source");
  if (destination.snapshot === undefined) throw new CliError("Invalid new snapshot name");
  await server.follow(await server.client.renameSnapshot({ name: source.instance, snapshot: source.snapshot, body: { name: destination.snapshot } }));
}

async function moveInstance(server: Server, name: string, to: string, values: MoveValues): Promise<void> {
  const body = {
    name: to || name, migration: true, live: !values.stateless, instance_only: values["instance-only"],
    ...(values.storage ? { pool: values.storage } : { project: values["target-project"] }),
  };
  const operation = await server.client.renameInstance({ name, body }).catch((error: unknown) => {
    throw prefixed("Migration API failure", error);
  });
  await server.follow(operation, "Transferring instance: ").catch((error: unknown) => {
    throw prefixed("Migration operation failure", error);
  });
}

/** A copy that keeps what makes the instance itself, and the end of what it was copied from. */
async function moveBetween({ server, name }: Target, to: Target, values: MoveValues): Promise<void> {
  const { instance, snapshot } = splitSnapshot(name);
  if (snapshot !== undefined) throw new CliError("A snapshot cannot be moved to another server", { hint: "copy it: it becomes an instance there." });
  const [{ copyBody, readSource }, { transferInstance }, { deleteInstance }] = await Promise.all([import("./copy.ts"), import("./transfer.ts"), import("./delete.ts")]);
  const source = await readSource(server, instance, undefined);
  const body = copyBody(source, instance, to.name || instance, server.project, { ...values, ephemeral: source.ephemeral, refresh: false }, true);
  const project = values["target-project"] || undefined;
  await transferInstance({ source: server, name: instance, target: to.server, project, body, mode: values.mode });
  if (source.live) await to.server.follow(await to.server.client.changeInstanceState({ name: to.name || instance, project, body: { action: "start", timeout: -1 } }));
  await deleteInstance({ server, name: instance }, true).catch((error: unknown) => {
    throw prefixed("Failed to delete original instance after copying it", error);
  });
}
