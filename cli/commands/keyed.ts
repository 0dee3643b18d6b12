// Things with configuration keys (pools, networks, ACLs, zones, volumes, …): the same commands on all of them.
import { defineCommand, type Entry, targetFlag } from "../command.ts";
import type { Context } from "../context.ts";
import { editDocument } from "../edit.ts";
import { readPairs } from "../key-values.ts";
import type { Shape } from "../output/shape.ts";
import type { Server } from "../remotes/server.ts";
import { configFrom, fieldsOf } from "../writable.ts";

export type Fields = Record<string, unknown>;

/** One of them. */
export interface Thing {
  server: Server;
  read(): Promise<Fields>;
  replace(body: Fields, headers: Record<string, string>): Promise<unknown>;
}

export interface Kind {
  /** For summaries: `storage pool`. */
  what: string;
  /** The words that name one: `<pool>`, `<network> <address>`. */
  usage: string;
  shape: Shape;
  /** Comment lines above what is edited. */
  help: string;
  /** What a PUT takes, in the order of lxc. */
  members: readonly string[];
  /** `names` are the words of `usage`. */
  locate(ctx: Context, names: readonly string[]): Promise<Thing> | Thing;
}

function writable(fields: Fields, members: readonly string[]): Fields {
  return Object.fromEntries(members.filter((key) => key in fields).map((key) => [key, fields[key]]));
}

/** From YAML: the values of `config` are texts, whatever they look like. */
function putFrom(document: unknown, members: readonly string[]): Fields {
  const fields = writable(fieldsOf(document), members);
  return "config" in fields ? { ...fields, config: configFrom(fields["config"]) } : fields;
}

async function setKeys({ server, read, replace }: Thing, members: readonly string[], keys: Record<string, string>): Promise<void> {
  const { value, headers } = await server.readForChange(read);
  await replace({ ...writable(value, members), config: { ...(value["config"] as Record<string, string>), ...keys } }, headers);
}

/** edit, get, set, show and unset. */
export function keyedCommands({ what, usage, shape, help, members, locate }: Kind): Entry[] {
  const count = usage.split(" ").length;
  const flags = { target: targetFlag };
  return [
    defineCommand({
      name: "edit", usage, summary: `Edit ${what} configurations as YAML`, args: [count, count], flags,
      async run(ctx, names) {
        const { server, read, replace } = await locate(ctx, names);
        await editDocument(ctx, server, { read, shape, help, parse: (document) => putFrom(document, members), write: replace });
      },
    }),
    defineCommand({
      name: "get", usage: `${usage} <key>`, summary: `Get values for ${what} configuration keys`, args: [count + 1, count + 1], flags,
      async run(ctx, args) {
        const config = (await (await locate(ctx, args.slice(0, count))).read())["config"] as Record<string, string> | undefined;
        const value = config?.[args[count] ?? ""];
        if (value !== undefined) ctx.print(value);
      },
    }),
    defineCommand({
      name: "set", usage: `${usage} <key>=<value>...`, summary: `Set ${what} configuration keys`, args: [count + 1, -1], flags,
      description: `Set ${what} configuration keys

For backward compatibility, a single configuration key may still be set as <key> <value>.`,
      async run(ctx, args) {
        await setKeys(await locate(ctx, args.slice(0, count)), members, await readPairs(ctx, args.slice(count)));
      },
    }),
    defineCommand({
      name: "show", usage, summary: `Show ${what} configurations`, args: [count, count], flags,
      async run(ctx, names) {
        ctx.show(await (await locate(ctx, names)).read(), shape);
      },
    }),
    defineCommand({
      name: "unset", usage: `${usage} <key>`, summary: `Unset ${what} configuration keys`, args: [count + 1, count + 1], flags,
      async run(ctx, args) {
        await setKeys(await locate(ctx, args.slice(0, count)), members, { [args[count] ?? ""]: "" });
      },
    }),
  ];
}

/** Something at a path of the API, which came with an extension. */
export function thingAt(server: Server, path: string, extension: string): Thing {
  return {
    server,
    async read() {
      await server.require(extension);
      return server.ask<Fields>("GET", path);
    },
    async replace(body, headers) {
      if (Object.keys(headers).length === 0) await server.require(extension); // it comes from stdin: nothing was read before
      return server.ask("PUT", path, { body, headers });
    },
  };
}
