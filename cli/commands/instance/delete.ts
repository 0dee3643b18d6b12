// berth delete
import { statusCodes } from "../../../server/api/envelope.ts";
import type { Instance } from "../../../server/api/instances.ts";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError, prefixed } from "../../errors.ts";
import { nameOf } from "../../remote.ts";

export const deleteCommand = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<instance> [<instance>...]",
  summary: "Delete instances",
  args: [1, -1],
  flags: {
    force: { kind: "bool", short: "f", description: "Force the removal of running instances" },
    interactive: { kind: "bool", short: "i", description: "Require user confirmation" },
  },
  async run(ctx, args, flags) {
    const names = args.map((argument) => nameOf(argument, "instance"));
    // Nothing is deleted before all are known to exist.
    const instances = await Promise.all(names.map((name) => readInstance(ctx, name)));
    for (const instance of instances) {
      if (flags.interactive) await confirm(instance.name);
      await deleteOne(ctx, instance, flags.force);
    }
  },
});

async function readInstance(ctx: Context, name: string): Promise<Instance> {
  if (name.includes("/")) throw new CliError("Snapshots are not supported yet");
  return ctx.client.getInstance({ name }).catch((error: unknown) => {
    throw prefixed(`Failed checking instance exists "local:${name}"`, error);
  });
}

async function confirm(name: string): Promise<void> {
  const { Prompt } = await import("../../prompt.ts");
  const prompt = new Prompt();
  const answer = await prompt.ask(`Remove ${name} (yes/no): `, "no");
  prompt.close();
  if (answer.toLowerCase() !== "yes") throw new CliError("User aborted delete operation");
}

async function deleteOne(ctx: Context, instance: Instance, force: boolean): Promise<void> {
  const { name } = instance;
  if (instance.status_code !== statusCodes.Stopped && instance.status_code !== 0) {
    if (!force) {
      throw new CliError("The instance is currently running, stop it first or pass --force", { hint: `berth stop ${name}, or berth delete --force ${name}` });
    }
    const body = { action: "stop", timeout: -1, force: true };
    await ctx.follow(await ctx.client.changeInstanceState({ name, body })).catch((error: unknown) => {
      throw prefixed("Stopping the instance failed", error);
    });
    if (instance.ephemeral) return; // it goes by itself
  }
  await ctx.follow(await ctx.client.deleteInstance({ name }));
}
