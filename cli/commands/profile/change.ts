// berth profile copy, create, delete, edit, get, rename, set and unset
import { defineCommand } from "../../command.ts";
import { editDocument } from "../../edit.ts";
import { readPairs } from "../../key-values.ts";
import { profileShape } from "../../output/shape.ts";
import type { Server } from "../../remotes/server.ts";
import { profilePutFrom } from "../../writable.ts";

const copy = defineCommand({
  name: "copy",
  aliases: ["cp"],
  usage: "<profile> <new-profile>",
  summary: "Copy profiles",
  args: [2, 2],
  flags: { "target-project": { kind: "string", description: "Copy to a project different from the source" } },
  async run(ctx, [source, target], flags) {
    const { server, name } = ctx.resolve(source, "source profile");
    const destination = ctx.resolve(target);
    const { description, config, devices } = await server.client.getProfile({ name });
    await destination.server.client.createProfile({
      body: { name: destination.name || name, description, config, devices },
      ...(flags["target-project"] === "" ? {} : { project: flags["target-project"] }),
    });
  },
});

const create = defineCommand({
  name: "create",
  usage: "<profile>",
  summary: "Create profiles",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "profile");
    await server.client.createProfile({ body: { name, description: "", config: {}, devices: {} } });
    ctx.say(`Profile ${name} created`);
  },
});

const remove = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<profile>",
  summary: "Delete profiles",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "profile");
    await server.client.deleteProfile({ name });
    ctx.say(`Profile ${name} deleted`);
  },
});

const edit = defineCommand({
  name: "edit",
  usage: "<profile>",
  summary: "Edit profile configurations as YAML",
  examples: `berth profile edit <profile> < profile.yaml
    Update a profile using the content of profile.yaml`,
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "profile");
    await editDocument(ctx, server, {
      read: () => server.client.getProfile({ name }),
      shape: profileShape,
      help: `### This is a YAML representation of the profile.
### Any line starting with a '# will be ignored.
###
### A profile consists of a set of configuration items followed by a set of
### devices.
###
### An example would look like:
### name: onenic
### config:
###   limits.memory: 1GiB
### devices:
###   eth0:
###     nictype: bridged
###     parent: berthbr0
###     type: nic
###
### Note that the name is shown but cannot be changed`,
      parse: profilePutFrom,
      write: (body, headers) => server.client.replaceProfile({ name, body, headers }),
    });
  },
});

const get = defineCommand({
  name: "get",
  usage: "<profile> <key>",
  summary: "Get values for profile configuration keys",
  args: [2, 2],
  async run(ctx, [argument, key = ""]) {
    const { server, name } = ctx.resolve(argument, "profile");
    const { config } = await server.client.getProfile({ name });
    ctx.print(config[key] ?? "");
  },
});

const rename = defineCommand({
  name: "rename",
  aliases: ["mv"],
  usage: "<profile> <new-name>",
  summary: "Rename profiles",
  args: [2, 2],
  async run(ctx, [argument, newName = ""]) {
    const { server, name } = ctx.resolve(argument, "profile");
    await server.client.renameProfile({ name, body: { name: newName } });
    ctx.say(`Profile ${name} renamed to ${newName}`);
  },
});

const set = defineCommand({
  name: "set",
  usage: "<profile> <key>=<value>...",
  summary: "Set profile configuration keys",
  description: `Set profile configuration keys

For backward compatibility, a single configuration key may still be set with:
    berth profile set <profile> <key> <value>`,
  args: [2, -1],
  async run(ctx, [argument, ...pairs]) {
    const { server, name } = ctx.resolve(argument, "profile");
    await setKeys(server, name, await readPairs(ctx, pairs));
  },
});

const unset = defineCommand({
  name: "unset",
  usage: "<profile> <key>",
  summary: "Unset profile configuration keys",
  args: [2, 2],
  async run(ctx, [argument, key = ""]) {
    const { server, name } = ctx.resolve(argument, "profile");
    await setKeys(server, name, { [key]: "" });
  },
});

async function setKeys(server: Server, name: string, keys: Record<string, string>): Promise<void> {
  const { value, headers } = await server.readForChange(() => server.client.getProfile({ name }));
  const { config, description, devices } = value;
  await server.client.replaceProfile({ name, headers, body: { config: { ...config, ...keys }, description, devices } });
}

export const profileChangeCommands = [copy, create, remove, edit, get, rename, set, unset];
