// berth delete
import { statusCodes } from "../../../server/api/envelope.ts";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError, prefixed } from "../../errors.ts";
import { nameOf, splitSnapshot } from "../../remote.ts";

export const deleteCommand = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<instance>[/<snapshot>] [<instance>[/<snapshot>]...]",
  summary: "Delete instances and snapshots",
  args: [1, -1],
  flags: {
    force: { kind: "bool", short: "f", description: "Force the removal of running instances" },
    interactive: { kind: "bool", short: "i", description: "Require user confirmation" },
  },
  async run(ctx, args, flags) {
    const names = args.map((argument) => nameOf(argument, "instance"));
    // Nothing is deleted before all are known to exist.
    await Promise.all(names.map((name) => assertExists(ctx, name)));
    for (const name of names) {
      if (flags.interactive) await confirm(name);
      const { instance, snapshot } = splitSnapshot(name);
      if (snapshot === undefined) await deleteInstance(ctx, instance, flags.force);
      else await ctx.follow(await ctx.client.deleteSnapshot({ name: instance, snapshot }));
    }
  },
});

async function assertExists(ctx: Context, name: string): Promise<void> {
  const { instance, snapshot } = splitSnapshot(name);
  const read = snapshot === undefined ? ctx.client.getInstance({ name }) : ctx.client.getSnapshot({ name: instance, snapshot });
  await read.catch((error: unknown) => {
    throw prefixed(`Failed checking instance ${snapshot === undefined ? "" : "snapshot "}exists "local:${name}"`, error);
  });
}

async function confirm(name: string): Promise<void> {
  const { Prompt } = await import("../../prompt.ts");
  const prompt = new Prompt();
  const answer = await prompt.ask(`Remove ${name} (yes/no): `, "no");
  prompt.close();
  if (answer.toLowerCase() !== "yes") throw new CliError("User aborted delete operation");
}

async function deleteInstance(ctx: Context, name: string, force: boolean): Promise<void> {
  const instance = await ctx.client.getInstance({ name });
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
