// berth project create, delete, edit, get, rename, set and unset
import { defineCommand } from "../../command.ts";
import { editDocument } from "../../edit.ts";
import { readPairs, splitPair } from "../../key-values.ts";
import { projectShape } from "../../output/shape.ts";
import type { Server } from "../../remotes/server.ts";
import { configPutFrom } from "../../writable.ts";

const create = defineCommand({
  name: "create",
  usage: "<project>",
  summary: "Create projects",
  args: [1, 1],
  flags: { config: { kind: "list", short: "c", description: "Config key/value to apply to the new project" } },
  async run(ctx, [argument], flags) {
    const { server, name } = ctx.resolve(argument, "project");
    const config = Object.fromEntries(flags.config.map((pair) => splitPair(pair, "Bad key=value pair")));
    await server.client.createProject({ body: { name, description: "", config } });
    ctx.say(`Project ${name} created`);
  },
});

const remove = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<project>",
  summary: "Delete projects",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "project");
    await server.client.deleteProject({ name });
    ctx.say(`Project ${name} deleted`);
  },
});

const edit = defineCommand({
  name: "edit",
  usage: "<project>",
  summary: "Edit project configurations as YAML",
  examples: `berth project edit <project> < project.yaml
    Update a project using the content of project.yaml`,
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "project");
    await editDocument(ctx, server, {
      read: () => server.client.getProject({ name }),
      shape: projectShape,
      help: `### This is a YAML representation of the project.
### Any line starting with a '# will be ignored.
###
### A project consists of a set of features and a description.
###
### An example would look like:
### name: my-project
### description: My own project
### config:
###   features.images: "True"
###   features.profiles: "True"
###   limits.containers: "10"
###
### Note that the name is shown but cannot be changed`,
      parse: configPutFrom,
      write: (body, headers) => server.client.replaceProject({ name, body, headers }),
    });
  },
});

const get = defineCommand({
  name: "get",
  usage: "<project> <key>",
  summary: "Get values for project configuration keys",
  args: [2, 2],
  async run(ctx, [argument, key = ""]) {
    const { server, name } = ctx.resolve(argument, "project");
    const { config } = await server.client.getProject({ name });
    ctx.print(config[key] ?? "");
  },
});

const rename = defineCommand({
  name: "rename",
  aliases: ["mv"],
  usage: "<project> <new-name>",
  summary: "Rename projects",
  args: [2, 2],
  async run(ctx, [argument, newName = ""]) {
    const { server, name } = ctx.resolve(argument, "project");
    await server.follow(await server.client.renameProject({ name, body: { name: newName } }));
    ctx.say(`Project ${name} renamed to ${newName}`);
  },
});

const set = defineCommand({
  name: "set",
  usage: "<project> <key>=<value>...",
  summary: "Set project configuration keys",
  description: `Set project configuration keys

For backward compatibility, a single configuration key may still be set with:
    berth project set <project> <key> <value>`,
  args: [2, -1],
  async run(ctx, [argument, ...pairs]) {
    const { server, name } = ctx.resolve(argument, "project");
    await setKeys(server, name, await readPairs(ctx, pairs));
  },
});

const unset = defineCommand({
  name: "unset",
  usage: "<project> <key>",
  summary: "Unset project configuration keys",
  args: [2, 2],
  async run(ctx, [argument, key = ""]) {
    const { server, name } = ctx.resolve(argument, "project");
    await setKeys(server, name, { [key]: "" });
  },
});

async function setKeys(server: Server, name: string, keys: Record<string, string>): Promise<void> {
  const { value, headers } = await server.readForChange(() => server.client.getProject({ name }));
  const { config, description } = value;
  await server.client.replaceProject({ name, headers, body: { config: { ...config, ...keys }, description } });
}

export const projectChangeCommands = [create, remove, edit, get, rename, set, unset];
