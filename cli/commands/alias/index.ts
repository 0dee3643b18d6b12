// berth alias
import { defineCommand, formatFlag, type Group } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { compareRows } from "../../output/natural.ts";
import { renderJson } from "../../output/json.ts";
import { renderListing } from "../../output/render.ts";
import { renderYaml } from "../../output/yaml.ts";
import { saveConfig } from "../../remotes/config.ts";

function assertThere({ config }: Context, name: string): string {
  const found = config.aliases[name];
  if (found === undefined) throw new CliError(`Alias ${name} doesn't exist`, { hint: "berth alias list shows those there are." });
  return found;
}

function assertFree({ config }: Context, name: string): void {
  if (config.aliases[name] !== undefined) throw new CliError(`Alias ${name} already exists`);
}

const add = defineCommand({
  name: "add",
  usage: "<alias> <target>",
  summary: "Add new aliases",
  description: `Add new aliases

In the target @ARGS@ stands for the arguments, which otherwise are put at its end,
and @ARG1@, @ARG2@, … for one of them.`,
  examples: `berth alias add list "list -c ns46S"
    Overwrite the "list" command to pass -c ns46S.

berth alias add psof "exec @ARG1@ -- ps aux"
    berth psof web runs ps in "web".`,
  args: [2, 2],
  async run(ctx, [name = "", target = ""]) {
    assertFree(ctx, name);
    if (name.trim() === "" || name.startsWith("-")) throw new CliError(`"${name}" cannot be the name of an alias`);
    ctx.config.aliases[name] = target;
    saveConfig(ctx.config);
  },
});

const list = defineCommand({
  name: "list",
  aliases: ["ls"],
  summary: "List aliases",
  args: [0, 0],
  flags: { format: formatFlag },
  async run(ctx, _args, flags) {
    const { aliases } = ctx.config;
    if (flags.format === "json") return ctx.print(renderJson(aliases));
    if (flags.format === "yaml") return ctx.write(renderYaml(aliases));
    ctx.write(renderListing(flags.format, { header: ["ALIAS", "TARGET"], rows: Object.entries(aliases).sort(compareRows), raw: [], shape: "map" }));
  },
});

const remove = defineCommand({
  name: "remove",
  aliases: ["rm"],
  usage: "<alias>",
  summary: "Remove aliases",
  args: [1, 1],
  async run(ctx, [name = ""]) {
    assertThere(ctx, name);
    delete ctx.config.aliases[name];
    saveConfig(ctx.config);
  },
});

const rename = defineCommand({
  name: "rename",
  aliases: ["mv"],
  usage: "<old alias> <new alias>",
  summary: "Rename aliases",
  args: [2, 2],
  async run(ctx, [name = "", newName = ""]) {
    const target = assertThere(ctx, name);
    assertFree(ctx, newName);
    ctx.config.aliases[newName] = target;
    delete ctx.config.aliases[name];
    saveConfig(ctx.config);
  },
});

export const aliasGroup: Group = { name: "alias", summary: "Manage command aliases", commands: [add, list, remove, rename] };
