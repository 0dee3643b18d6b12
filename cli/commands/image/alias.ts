// berth image alias
import { defineCommand, formatFlag, type Group } from "../../command.ts";
import { compareRows } from "../../output/natural.ts";
import { aliasShape } from "../../output/shape.ts";
import { aliasesOf } from "./images-of.ts";

const createCommand = defineCommand({
  name: "create",
  usage: "<alias> <fingerprint>",
  summary: "Create aliases for existing images",
  args: [2, 2],
  async run(ctx, [alias, target]) {
    const { server, name } = ctx.resolve(alias, "alias");
    await server.client.createAlias({ body: { name, description: "", target: target ?? "" } });
  },
});

const deleteCommand = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<alias>",
  summary: "Delete image aliases",
  args: [1, 1],
  async run(ctx, [alias]) {
    const { server, name } = ctx.resolve(alias, "alias");
    await server.client.deleteAlias({ name });
  },
});

const renameCommand = defineCommand({
  name: "rename",
  aliases: ["mv"],
  usage: "<alias> <new-name>",
  summary: "Rename aliases",
  args: [2, 2],
  async run(ctx, [alias, newName = ""]) {
    const { server, name } = ctx.resolve(alias, "alias");
    await server.client.renameAlias({ name, body: { name: newName } });
  },
});

const listCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  usage: "[<filters>...]",
  summary: "List image aliases",
  description: `List image aliases

Filters may be part of the image hash or part of the image alias name.`,
  args: [0, -1],
  flags: { format: formatFlag },
  async run(ctx, [first, ...others], flags) {
    const { server, name } = ctx.resolve(first);
    const filters = [name, ...others].filter((filter) => filter !== "");
    await ctx.list(flags.format, async () => {
      const aliases = await aliasesOf(server);
      const rows = aliases
        .filter((alias) => filters.every((filter) => alias.name.includes(filter) || alias.target.includes(filter)))
        .map((alias) => [alias.name, alias.target.slice(0, 12), (alias.type || "container").toUpperCase(), alias.description])
        .sort(compareRows);
      return { header: ["ALIAS", "FINGERPRINT", "TYPE", "DESCRIPTION"], rows, raw: aliases, shape: aliasShape };
    });
  },
});

export const imageAliasGroup: Group = {
  name: "alias",
  summary: "Manage image aliases",
  commands: [createCommand, deleteCommand, listCommand, renameCommand],
};
