// berth storage create, delete, edit, get, set and unset
import { defineCommand, type Entry, targetFlag } from "../../command.ts";
import { splitPair } from "../../key-values.ts";
import { poolShape } from "../../output/shape.ts";
import { keyedCommands } from "../keyed.ts";

const create = defineCommand({
  name: "create",
  usage: "<pool> <driver> [key=value...]",
  summary: "Create storage pools",
  examples: `berth storage create fast btrfs source=/srv/fast
    Create a pool in a folder of a btrfs file system.`,
  args: [2, -1],
  flags: { target: targetFlag },
  async run(ctx, [argument, driver = "", ...pairs]) {
    const { server, name } = ctx.resolve(argument, "pool");
    const config = Object.fromEntries(pairs.map((pair) => splitPair(pair, "Bad key=value pair")));
    await server.client.createStoragePool({ body: { name, driver, description: "", config } });
    ctx.say(`Storage pool ${name} created`);
  },
});

const remove = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<pool>",
  summary: "Delete storage pools",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "pool");
    await server.client.deleteStoragePool({ name });
    ctx.say(`Storage pool ${name} deleted`);
  },
});

const keyed = keyedCommands({
  what: "storage pool",
  usage: "<pool>",
  shape: poolShape,
  members: ["config", "description"],
  help: `### This is a YAML representation of a storage pool.
### Any line starting with a '#' will be ignored.
###
### A storage pool consists of a set of configuration items.
###
### An example would look like:
### name: default
### driver: dir
### used_by: []
### config:
###   source: /srv/pool`,
  locate(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "pool");
    return {
      server,
      read: () => server.client.getStoragePool({ name }),
      replace: (body, headers) => server.client.replaceStoragePool({ name, body, headers }),
    };
  },
});

/** `show` has a flag more here. */
export const storageChangeCommands: Entry[] = [create, remove, ...keyed.filter((command) => command.name !== "show")];
