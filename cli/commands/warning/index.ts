// berth warning
import type { Warning } from "../../../server/api/warnings.ts";
import { defineCommand, type Group } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { warningShape } from "../../output/shape.ts";
import { warningListCommand } from "./list.ts";

const acknowledgeCommand = defineCommand({
  name: "acknowledge",
  aliases: ["ack"],
  usage: "<warning-uuid>",
  summary: "Acknowledge warning",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name: id } = ctx.resolve(argument, "warning");
    await server.client.replaceWarning({ id, body: { status: "acknowledged" } });
  },
});

const showCommand = defineCommand({
  name: "show",
  usage: "<warning-uuid>",
  summary: "Show warning",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name: id } = ctx.resolve(argument, "warning");
    ctx.show(await server.client.getWarning({ id }), warningShape);
  },
});

const deleteCommand = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<warning-uuid>",
  summary: "Delete warning",
  args: [0, 1],
  flags: { all: { kind: "bool", short: "a", description: "Delete all warnings" } },
  async run(ctx, [argument], flags) {
    const { server, name } = ctx.resolve(argument);
    if (flags.all === (name !== "")) throw new CliError(flags.all ? "--all deletes all warnings: no UUID goes with it" : "Missing warning name");
    const ids = flags.all ? ((await server.client.listWarnings({ recursion: "1" })) as Warning[]).map(({ uuid }) => uuid) : [name];
    for (const id of ids) await server.client.deleteWarning({ id });
  },
});

export const warningGroup: Group = {
  name: "warning",
  summary: "Manage warnings",
  commands: [acknowledgeCommand, deleteCommand, warningListCommand, showCommand],
};
