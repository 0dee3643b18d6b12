// berth delete
import { statusCodes } from "../../../server/api/envelope.ts";
import type { Instance } from "../../../server/api/instances.ts";
import { defineCommand } from "../../command.ts";
import type { Context, Target } from "../../context.ts";
import { CliError, prefixed } from "../../errors.ts";
import { compareNatural } from "../../output/natural.ts";
import { splitSnapshot } from "../../remote.ts";

export const deleteCommand = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<instance>[/<snapshot>] [<instance>[/<snapshot>]...]",
  summary: "Delete instances and snapshots",
  args: [0, -1],
  flags: {
    all: { kind: "bool", description: "Delete all instances of the project, after a question" },
    force: { kind: "bool", short: "f", description: "Force the removal of running instances" },
    interactive: { kind: "bool", short: "i", description: "Require user confirmation" },
    yes: { kind: "bool", short: "y", description: "Ask nothing, even with --all" },
  },
  async run(ctx, args, flags) {
    if (args.length === 0 && !flags.all) throw new CliError("Name at least one instance, or use --all", { hint: "berth delete --help" });
    const targets = flags.all ? await findAll(ctx, args, flags.yes) : args.map((argument) => ctx.resolve(argument, "instance"));
    // Nothing is deleted before all are known to exist.
    await Promise.all(targets.map(assertExists));
    for (const target of targets) {
      const { server, name } = target;
      if (flags.interactive) await confirm(name);
      const { instance, snapshot } = splitSnapshot(name);
      if (snapshot === undefined) await deleteInstance(target, flags.force);
      else await server.follow(await server.client.deleteSnapshot({ name: instance, snapshot }));
    }
  },
});

/** All instances of a server's project. Nothing but a yes lets them be deleted. */
async function findAll(ctx: Context, args: readonly string[], isSure: boolean): Promise<Target[]> {
  const { server, name } = ctx.resolve(args[0]);
  if (args.length > 1 || name !== "") throw new CliError("Both --all and instance name given");
  const instances = (await server.client.listInstances({ recursion: "1" })) as Instance[];
  const names = instances.map((instance) => instance.name).sort(compareNatural);
  if (isSure || names.length === 0) return names.map((it) => ({ server, name: it }));
  if (ctx.hasInput) throw new CliError(`Not deleting ${names.length} instances unasked`, { hint: "add --yes if you mean it." });
  const { Prompt } = await import("../../prompt.ts");
  const prompt = new Prompt();
  ctx.print(`To be deleted from "${server.remote}", project "${server.project || "default"}":\n  ${names.join("\n  ")}`);
  const isMeant = await prompt.askBool(`Delete all ${names.length} of them (yes/no) [default=no]? `, "no").finally(() => prompt.close());
  if (!isMeant) throw new CliError("User aborted delete operation");
  return names.map((it) => ({ server, name: it }));
}

async function assertExists({ server, name }: Target): Promise<void> {
  const { instance, snapshot } = splitSnapshot(name);
  const read = snapshot === undefined ? server.client.getInstance({ name }) : server.client.getSnapshot({ name: instance, snapshot });
  await read.catch((error: unknown) => {
    throw prefixed(`Failed checking instance ${snapshot === undefined ? "" : "snapshot "}exists "${server.remote}:${name}"`, error);
  });
}

async function confirm(name: string): Promise<void> {
  const { Prompt } = await import("../../prompt.ts");
  const prompt = new Prompt();
  const answer = await prompt.ask(`Remove ${name} (yes/no): `, "no");
  prompt.close();
  if (answer.toLowerCase() !== "yes") throw new CliError("User aborted delete operation");
}

/** `force`: one that runs is stopped first. */
export async function deleteInstance({ server, name }: Target, force: boolean): Promise<void> {
  const instance = await server.client.getInstance({ name });
  if (instance.status_code !== statusCodes.Stopped && instance.status_code !== 0) {
    if (!force) {
      throw new CliError("The instance is currently running, stop it first or pass --force", { hint: `berth stop ${name}, or berth delete --force ${name}` });
    }
    const body = { action: "stop", timeout: -1, force: true };
    await server.follow(await server.client.changeInstanceState({ name, body })).catch((error: unknown) => {
      throw prefixed("Stopping the instance failed", error);
    });
    if (instance.ephemeral) return; // it goes by itself
  }
  await server.follow(await server.client.deleteInstance({ name }));
}
