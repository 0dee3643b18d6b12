// berth network create, delete, edit, get, rename, set and unset
import { defineCommand, targetFlag } from "../../command.ts";
import { editDocument } from "../../edit.ts";
import { CliError } from "../../errors.ts";
import { readPairs, splitPair } from "../../key-values.ts";
import { networkShape } from "../../output/shape.ts";
import type { Server } from "../../remotes/server.ts";
import { configPutFrom } from "../../writable.ts";

const create = defineCommand({
  name: "create",
  usage: "<network> [key=value...]",
  summary: "Create new networks",
  args: [1, -1],
  flags: { target: targetFlag, type: { kind: "string", short: "t", description: "Network type" } },
  async run(ctx, [argument, ...pairs], flags) {
    const { server, name } = ctx.resolve(argument, "network");
    const config = Object.fromEntries(pairs.map((pair) => splitPair(pair, "Bad key/value pair")));
    await server.client.createNetwork({ body: { name, config, description: "", type: flags.type } });
    ctx.say(`Network ${name} created`);
  },
});

const remove = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<network>",
  summary: "Delete networks",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "network");
    await server.client.deleteNetwork({ name });
    ctx.say(`Network ${name} deleted`);
  },
});

const edit = defineCommand({
  name: "edit",
  usage: "<network>",
  summary: "Edit network configurations as YAML",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "network");
    await editDocument(ctx, server, {
      read: () => readManaged(server, name),
      shape: networkShape,
      help: `### This is a YAML representation of the network.
### Any line starting with a '# will be ignored.
###
### A network consists of a set of configuration items.
###
### An example would look like:
### name: berthbr0
### config:
###   ipv4.address: 10.62.42.1/24
###   ipv4.nat: true
###   ipv6.address: fd00:56ad:9f7a:9800::1/64
###   ipv6.nat: true
### managed: true
### type: bridge
###
### Note that only the configuration can be changed.`,
      parse: configPutFrom,
      write: (body, headers) => server.client.replaceNetwork({ name, body, headers }),
    });
  },
});

const get = defineCommand({
  name: "get",
  usage: "<network> <key>",
  summary: "Get values for network configuration keys",
  args: [2, 2],
  flags: { target: targetFlag },
  async run(ctx, [argument, key = ""]) {
    const { server, name } = ctx.resolve(argument, "network");
    const { config } = await server.client.getNetwork({ name });
    if (config[key] !== undefined) ctx.print(config[key]);
  },
});

const rename = defineCommand({
  name: "rename",
  aliases: ["mv"],
  usage: "<network> <new-name>",
  summary: "Rename networks",
  args: [2, 2],
  async run(ctx, [argument, newName = ""]) {
    const { server, name } = ctx.resolve(argument, "network");
    await server.client.renameNetwork({ name, body: { name: newName } });
    ctx.say(`Network ${name} renamed to ${newName}`);
  },
});

const set = defineCommand({
  name: "set",
  usage: "<network> <key>=<value>...",
  summary: "Set network configuration keys",
  description: `Set network configuration keys

For backward compatibility, a single configuration key may still be set with:
    berth network set <network> <key> <value>`,
  args: [2, -1],
  flags: { target: targetFlag },
  async run(ctx, [argument, ...pairs]) {
    const { server, name } = ctx.resolve(argument, "network");
    await setKeys(server, name, await readPairs(ctx, pairs));
  },
});

const unset = defineCommand({
  name: "unset",
  usage: "<network> <key>",
  summary: "Unset network configuration keys",
  args: [2, 2],
  flags: { target: targetFlag },
  async run(ctx, [argument, key = ""]) {
    const { server, name } = ctx.resolve(argument, "network");
    await setKeys(server, name, { [key]: "" });
  },
});

async function readManaged(server: Server, name: string) {
  const network = await server.client.getNetwork({ name });
  if (!network.managed) throw new CliError("Only managed networks can be modified");
  return network;
}

async function setKeys(server: Server, name: string, keys: Record<string, string>): Promise<void> {
  const { value, headers } = await server.readForChange(() => readManaged(server, name));
  await server.client.replaceNetwork({ name, headers, body: { config: { ...value.config, ...keys }, description: value.description } });
}

export const networkChangeCommands = [create, remove, edit, get, rename, set, unset];
