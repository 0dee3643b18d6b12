// berth delete
import { statusCodes } from "../../../server/api/envelope.ts";
import { defineCommand } from "../../command.ts";
import type { Target } from "../../context.ts";
import { CliError, prefixed } from "../../errors.ts";
import { splitSnapshot } from "../../remote.ts";

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
    const targets = args.map((argument) => ctx.resolve(argument, "instance"));
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

async function deleteInstance({ server, name }: Target, force: boolean): Promise<void> {
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
