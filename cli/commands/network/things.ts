// What ACLs, forwards, zones and their records have in common: they are made, listed and deleted alike. A server that has no such
// thing is named as one without the extension.
import { defineCommand, type Entry, formatFlag, targetFlag } from "../../command.ts";
import type { Context } from "../../context.ts";
import { splitPair } from "../../key-values.ts";
import { compareRows } from "../../output/natural.ts";
import type { Shape } from "../../output/shape.ts";
import type { Server } from "../../remotes/server.ts";
import { type Fields, keyedCommands, thingAt } from "../keyed.ts";

export interface ThingKind {
  /** For summaries: `network ACL`. */
  what: string;
  /** As lxc begins its sentences about them. */
  title: string;
  /** The words that name one: `<ACL>`, `<network> <listen address>`; the first may have a remote. */
  usage: string;
  extension: string;
  /** The path of the list; `parent` is what all but the last word name. */
  list(parent: string): string;
  shape: Shape;
  members: readonly string[];
  header: readonly string[];
  row(thing: Fields): string[];
  help: string;
  /** What a new one has besides its configuration. */
  make(name: string): Fields;
}

export const text = (value: unknown) => (value === undefined || value === null ? "" : String(value));
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export interface Place {
  server: Server;
  /** The path of the list, and of the thing in it. */
  list: string;
  path: string;
  name: string;
}

/** Where the thing is that words name. */
export function place(ctx: Context, kind: ThingKind, words: readonly string[]): Place {
  const { server, name: first } = ctx.resolve(words[0], kind.usage.replace(/^<([^>]*)>.*/, "$1"));
  const [parent, name] = words.length > 1 ? [first, words[1] ?? ""] : ["", first];
  const list = kind.list(encodeURIComponent(parent));
  return { server, list, path: `${list}/${encodeURIComponent(name)}`, name };
}

/** create, delete, edit, get, list, set, show and unset. */
export function thingCommands(kind: ThingKind): Entry[] {
  const count = kind.usage.split("> ").length;
  const parentUsage = kind.usage.split("> ").slice(0, -1).map((word) => `${word}>`).join(" ");
  const create = defineCommand({
    name: "create", usage: `${kind.usage} [key=value...]`, summary: `Create new ${kind.what}s`, args: [count, -1], flags: { target: targetFlag },
    async run(ctx, args) {
      const { server, list, name } = place(ctx, kind, args.slice(0, count));
      await server.require(kind.extension);
      const config = Object.fromEntries(args.slice(count).map((pair) => splitPair(pair, "Bad key/value pair")));
      await server.ask("POST", list, { body: { ...kind.make(name), config } });
      ctx.say(`${kind.title} ${name} created`);
    },
  });
  const remove = defineCommand({
    name: "delete", aliases: ["rm"], usage: kind.usage, summary: `Delete ${kind.what}s`, args: [count, count], flags: { target: targetFlag },
    async run(ctx, args) {
      const { server, path, name } = place(ctx, kind, args);
      await server.require(kind.extension);
      await server.ask("DELETE", path);
      ctx.say(`${kind.title} ${name} deleted`);
    },
  });
  const list = defineCommand({
    name: "list", aliases: ["ls"], usage: parentUsage, summary: `List available ${kind.what}s`, args: [count - 1, Math.max(1, count - 1)], flags: { format: formatFlag },
    async run(ctx, [argument], flags) {
      const { server, name } = count > 1 ? ctx.resolve(argument, "network") : ctx.resolve(argument);
      await ctx.list(flags.format, async () => {
        await server.require(kind.extension);
        const things = await server.ask<Fields[]>("GET", `${kind.list(encodeURIComponent(name))}?recursion=1`);
        return { header: kind.header, rows: things.map(kind.row).sort(compareRows), raw: things, shape: kind.shape };
      });
    },
  });
  const { what, shape, help, members } = kind;
  const keyed = keyedCommands({
    what, usage: kind.usage.replace(/(\w) (\w)/g, "$1_$2"), shape, help, members,
    locate: (ctx, words) => {
      const { server, path } = place(ctx, kind, words);
      return thingAt(server, path, kind.extension);
    },
  });
  return [create, remove, list, ...keyed];
}
