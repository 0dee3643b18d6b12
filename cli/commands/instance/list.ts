// berth list
import { defineCommand, formatFlag } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { compareRows } from "../../output/natural.ts";
import { renderListing } from "../../output/render.ts";
import { instanceFullShape } from "../../output/shape.ts";
import type { Server } from "../../remotes/server.ts";
import { type Column, type Listed, parseColumns } from "./columns.ts";
import { matchesFilters, splitFilters } from "./filters.ts";

const defaultColumns = "ns46tSL";
const fastColumns = "nsacPt";

const description = `List instances

Default column layout: ns46tS
Fast column layout: nsacPt

A single keyword like "web" which will list any instance with a name starting by "web".
A regular expression on the instance name. (e.g. .*web.*01$).
A key/value pair referring to a configuration item. For those, the
namespace can be abbreviated to the smallest unambiguous identifier.
A key/value pair where the key is a shorthand. Multiple values must be delimited by ','. Available shorthands:
  - type={instance type}
  - status={instance current lifecycle status}
  - architecture={instance architecture}
  - location={location name}
  - ipv4={ip or CIDR}
  - ipv6={ip or CIDR}

Examples:
  - "user.blah=abc" will list all instances with the "blah" user property set to "abc".
  - "u.blah=abc" will do the same
  - "security.privileged=true" will list all privileged instances
  - "s.privileged=true" will do the same
  - "type=container" will list all container instances
  - "type=container status=running" will list all running container instances

A regular expression matching a configuration item or its value. (e.g. volatile.eth0.hwaddr=00:16:3e:.*).

When multiple filters are passed, they are added one on top of the other,
selecting instances which satisfy them all.

== Columns ==
The -c option takes a comma separated list of arguments that control
which instance attributes to output when displaying in table or csv
format.

Column arguments are either pre-defined shorthand chars (see below),
or (extended) config keys.

Commas between consecutive shorthand chars are optional.

Pre-defined column shorthand chars:
  4 - IPv4 address
  6 - IPv6 address
  a - Architecture
  b - Storage pool
  c - Creation date
  d - Description
  D - disk usage
  e - Project name
  l - Last used date
  m - Memory usage
  M - Memory usage (%)
  n - Name
  N - Number of Processes
  p - PID of the instance's init process
  P - Profiles
  s - State
  S - Number of snapshots
  t - Type (persistent or ephemeral)
  u - CPU usage (in seconds)
  L - Location of the instance (e.g. its cluster member)
  f - Base Image Fingerprint (short)
  F - Base Image Fingerprint (long)

Custom columns are defined with "[config:|devices:]key[:name][:maxWidth]":
  KEY: The (extended) config or devices key to display. If [config:|devices:] is omitted then it defaults to config key.
  NAME: Name to display in the column header.
  Defaults to the key if not specified or empty.

  MAXWIDTH: Max width of the column (longer results are truncated).
  Defaults to -1 (unlimited). Use 0 to limit to the column header size.`;

export const listCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  usage: "[<filter>...]",
  summary: "List instances",
  description,
  examples: `berth list -c nFs46,volatile.eth0.hwaddr:MAC,config:image.os,devices:eth0.parent:ETHP
  Show instances using the "NAME", "BASE IMAGE", "STATE", "IPV4", "IPV6" and "MAC" columns.
  "BASE IMAGE", "MAC" and "IMAGE OS" are custom columns generated from instance configuration keys.
  "ETHP" is a custom column generated from a device key.

berth list -c ns,user.comment:comment
  List instances with their running state and user comment.`,
  args: [0, -1],
  flags: {
    "all-projects": { kind: "bool", description: "Display instances from all projects" },
    columns: { kind: "string", short: "c", default: defaultColumns, description: "Columns" },
    fast: { kind: "bool", description: "Fast mode (same as --columns=nsacPt)" },
    format: formatFlag,
    watch: { kind: "bool", short: "w", description: "Show the list again whenever something changes" },
  },
  async run(ctx, args, flags) {
    if (ctx.globals.project !== "" && flags["all-projects"]) throw new CliError("Can't specify --project with --all-projects");
    const { server, filters } = readFilters(ctx, args);
    const columns = parseColumns(chooseColumns(flags));
    const make = async () => {
      const instances = await fetchInstances(server, filters, columns, flags["all-projects"]);
      const rows = instances.map((instance) => columns.map((column) => column.cell(instance))).sort(compareRows);
      return { header: columns.map((column) => column.header), rows, raw: instances, shape: instanceFullShape };
    };
    if (flags.watch) return watch(server, async () => renderListing(flags.format, await make()));
    await ctx.list(flags.format, make);
  },
});

/** Addresses have no events: they are looked for now and then. */
const watchInterval = 2000;

/** Draws again at every event that changes something. What is no terminal gets only what differs from the last. */
async function watch(server: Server, render: () => Promise<string>): Promise<void> {
  const [{ openScreen }, { streamEvents }] = await Promise.all([import("../../output/screen.ts"), import("../../events.ts")]);
  await using screen = openScreen();
  let wake = () => {};
  const events = await streamEvents(server, ["lifecycle"], () => wake());
  let shown = "";
  let news: Promise<void>;
  do {
    news = new Promise((resolve) => {
      wake = resolve;
    });
    const text = await render();
    if (text !== shown) screen.draw(text);
    shown = text;
  } while (await screen.sleep(watchInterval, Promise.race([news, events.ended])));
  events.close();
}

/** Berth is never a cluster, so the location is shown only when it is asked for. */
export function chooseColumns(flags: { columns: string; fast: boolean; "all-projects": boolean }): string {
  if (flags.fast && flags.columns !== defaultColumns) throw new CliError("Can't specify --fast with --columns");
  if (flags.columns !== defaultColumns) return flags.columns;
  const columns = flags.fast ? fastColumns : defaultColumns.replace("L", "");
  return flags["all-projects"] ? `e${columns}` : columns;
}

/** Only the first argument may name a remote: in the others a colon is part of the filter. */
function readFilters(ctx: Context, [first = "", ...others]: readonly string[]): { server: Server; filters: string[] } {
  if (first.includes("=")) return { server: ctx.resolve().server, filters: [...others, first] };
  const { server, name } = ctx.resolve(first);
  return { server, filters: name === "" ? others : [...others, name] };
}

async function fetchInstances(server: Server, filters: string[], columns: Column[], allProjects: boolean): Promise<Listed[]> {
  const { server: filter, client } = splitFilters(filters);
  const needsState = columns.some((column) => column.needsState) || client.some((filter) => /^ipv[46]=/i.test(filter));
  const instances = (await server.client.listInstances({
    recursion: needsState ? "2" : "1", filter, ...(allProjects ? { "all-projects": "true" } : {}),
  })) as Listed[];
  const matching = instances.filter((instance) => matchesFilters(instance, client));
  return needsState ? matching : matching.map((instance) => ({ ...instance, backups: null, state: null as never, snapshots: null }));
}
