// berth operation
import type { Operation } from "../../../server/api/operations.ts";
import { defineCommand, formatFlag, type Group } from "../../command.ts";
import { compareRows } from "../../output/natural.ts";
import { operationShape } from "../../output/shape.ts";
import { formatUtc } from "../../output/units.ts";
import { listedServer } from "../../remote.ts";

const listCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  summary: "List background operations",
  args: [0, 1],
  flags: { format: formatFlag },
  async run(ctx, args, flags) {
    const server = listedServer(ctx, args);
    await ctx.list(flags.format, async () => {
      const groups = (await server.client.listOperations({ recursion: "1" })) as Record<string, Operation[]>;
      const operations = Object.values(groups).flat();
      const rows = operations.map((it) => [
        it.id, it.class.toUpperCase(), it.description, it.status.toUpperCase(), it.may_cancel ? "YES" : "NO", formatUtc(it.created_at),
      ]);
      const header = ["ID", "TYPE", "DESCRIPTION", "STATUS", "CANCELABLE", "CREATED"];
      return { header, rows: rows.sort(compareRows), raw: operations, shape: operationShape };
    });
  },
});

const showCommand = defineCommand({
  name: "show",
  usage: "<operation>",
  summary: "Show details on a background operation",
  examples: `berth operation show 344a79e4-d88a-45bf-9c39-c72c26f6ab8a
    Show details on that operation UUID`,
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name: id } = ctx.resolve(argument, "operation");
    ctx.show(await server.client.getOperation({ id }), operationShape);
  },
});

const deleteCommand = defineCommand({
  name: "delete",
  aliases: ["cancel", "rm"],
  usage: "<operation>",
  summary: "Delete a background operation (will attempt to cancel)",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name: id } = ctx.resolve(argument, "operation");
    await server.client.deleteOperation({ id });
    ctx.say(`Operation ${id} deleted`);
  },
});

export const operationGroup: Group = {
  name: "operation",
  summary: "List, show and delete background operations",
  commands: [deleteCommand, listCommand, showCommand],
};
