// berth project create, delete, rename, edit, get, set, show and unset
import type { ProjectPut } from "../../../server/api/projects.ts";
import { defineCommand } from "../../command.ts";
import { splitPair } from "../../key-values.ts";
import { projectShape } from "../../output/shape.ts";
import { keyedCommands } from "../keyed.ts";

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

const keyed = keyedCommands({
  what: "project",
  usage: "<project>",
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
  members: ["config", "description"],
  locate(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "project");
    return {
      server, read: () => server.client.getProject({ name }),
      replace: (body, headers) => server.client.replaceProject({ name, body: body as ProjectPut, headers }),
    };
  },
});

export const projectChangeCommands = [create, remove, rename, ...keyed];
