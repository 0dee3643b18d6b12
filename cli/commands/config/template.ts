// berth config template: the files that an instance's image renders into it
import { defineCommand, formatFlag, type Group } from "../../command.ts";
import type { Context, Target } from "../../context.ts";
import { editText } from "../../edit.ts";
import { CliError } from "../../errors.ts";
import { compareRows } from "../../output/natural.ts";
import { writeAll } from "../../output/write.ts";

const pathOf = ({ name }: Target, template?: string) => {
  const path = `/1.0/instances/${encodeURIComponent(name)}/metadata/templates`;
  return template === undefined ? path : `${path}?path=${encodeURIComponent(template)}`;
};

async function find(ctx: Context, argument: string | undefined): Promise<Target> {
  const target = ctx.resolve(argument, "instance");
  await target.server.require("container_edit_metadata");
  return target;
}

async function fetchTemplate(target: Target, template: string): Promise<Buffer> {
  const response = await target.server.transport.request({ method: "GET", path: pathOf(target, template) });
  const text = await response.text();
  if (response.status >= 400) throw new CliError(String((JSON.parse(text) as { error?: string }).error ?? text));
  return Buffer.from(text);
}

async function store(target: Target, template: string, content: string): Promise<void> {
  const path = pathOf(target, template);
  const response = await target.server.transport.request({ method: "POST", path, headers: { "content-type": "application/octet-stream" }, body: content });
  const answer = JSON.parse(await response.text()) as { error?: string };
  if (response.status >= 400) throw new CliError(String(answer.error));
}

const create = defineCommand({
  name: "create", usage: "<instance> <template>", summary: "Create new instance file templates", args: [2, 2],
  run: async (ctx, [argument, template = ""]) => store(await find(ctx, argument), template, ""),
});

const remove = defineCommand({
  name: "delete", aliases: ["rm"], usage: "<instance> <template>", summary: "Delete instance file templates", args: [2, 2],
  async run(ctx, [argument, template = ""]) {
    const target = await find(ctx, argument);
    await target.server.ask("DELETE", pathOf(target, template));
  },
});

const edit = defineCommand({
  name: "edit", usage: "<instance> <template>", summary: "Edit instance file templates", args: [2, 2],
  async run(ctx, [argument, template = ""]) {
    const target = await find(ctx, argument);
    if (ctx.hasInput) return store(target, template, await ctx.readInput());
    await editText(ctx, (await fetchTemplate(target, template)).toString("utf8"), (text) => store(target, template, text));
  },
});

const list = defineCommand({
  name: "list", usage: "<instance>", summary: "List instance file templates", args: [1, 1], flags: { format: formatFlag },
  async run(ctx, [argument], flags) {
    const target = ctx.resolve(argument, "instance");
    await ctx.list(flags.format, async () => {
      await target.server.require("container_edit_metadata");
      const templates = await target.server.ask<string[]>("GET", pathOf(target));
      return { header: ["FILENAME"], rows: templates.map((name) => [name]).sort(compareRows), raw: templates, shape: "value" };
    });
  },
});

const show = defineCommand({
  name: "show", usage: "<instance> <template>", summary: "Show content of instance file templates", args: [2, 2],
  run: async (ctx, [argument, template = ""]) => writeAll(1, await fetchTemplate(await find(ctx, argument), template)),
});

export const configTemplateGroup: Group = { name: "template", summary: "Manage instance file templates", commands: [create, remove, edit, list, show] };
