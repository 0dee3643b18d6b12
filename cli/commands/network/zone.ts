// berth network zone
import { defineCommand, type Group } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { type Fields, thingAt } from "../keyed.ts";
import { listOf, place, type ThingKind, text, thingCommands } from "./things.ts";

const zoneKind: ThingKind = {
  what: "network zone", title: "Network Zone", usage: "<zone>", extension: "network_dns", members: ["description", "config"],
  list: () => "/1.0/network-zones",
  shape: { struct: { description: "value", config: "map", name: "value", used_by: "list" } },
  header: ["NAME", "DESCRIPTION", "USED BY"],
  row: (zone) => [text(zone["name"]), text(zone["description"]), String(listOf(zone["used_by"]).length)],
  make: (name) => ({ name, description: "" }),
  help: `### This is a YAML representation of the network zone.
### Any line starting with a '# will be ignored.
###
### A network zone consists of a set of rules and configuration items.
###
### An example would look like:
### name: example.net
### description: Internal domain
### config:
###  user.foo: bah`,
};

const recordMembers = ["description", "entries", "config"] as const;
const entry = { struct: { type: "value", ttl: "value", value: "value" } } as const;
const recordKind: ThingKind = {
  what: "network zone record", title: "Network zone record", usage: "<zone> <record>", extension: "network_dns_records", members: recordMembers,
  list: (zone) => `/1.0/network-zones/${zone}/records`,
  shape: { struct: { description: "value", entries: { listOf: entry }, config: "map", name: "value" } },
  header: ["NAME", "DESCRIPTION", "ENTRIES"],
  row: (record) => [text(record["name"]), text(record["description"]), listOf(record["entries"]).map((it) => `${text((it as Fields)["type"])} ${text((it as Fields)["value"])}`).join("\n")],
  make: (name) => ({ name, description: "", entries: [] }),
  help: `### This is a YAML representation of the network zone record.
### Any line starting with a '# will be ignored.
###
### A network zone consists of a set of rules and configuration items.
###
### An example would look like:
### name: foo
### description: SPF record
### config:
###  user.foo: bah`,
};

const pickMembers = (record: Fields) => Object.fromEntries(recordMembers.map((key) => [key, record[key]]));

const add = defineCommand({
  name: "add", usage: "<zone> <record> <type> <value>", summary: "Add a network zone record entry", args: [4, 4],
  flags: { ttl: { kind: "int", description: "Entry TTL" } },
  async run(ctx, [zone = "", record = "", type, value], flags) {
    const { server, path } = place(ctx, recordKind, [zone, record]);
    const thing = thingAt(server, path, recordKind.extension);
    const { value: found, headers } = await server.readForChange(thing.read);
    await thing.replace({ ...pickMembers(found), entries: [...listOf(found["entries"]), { type, value, ttl: flags.ttl }] }, headers);
  },
});

const remove = defineCommand({
  name: "remove", usage: "<zone> <record> <type> <value>", summary: "Remove a network zone record entry", args: [4, 4],
  async run(ctx, [zone = "", record = "", type, value]) {
    const { server, path } = place(ctx, recordKind, [zone, record]);
    const thing = thingAt(server, path, recordKind.extension);
    const { value: found, headers } = await server.readForChange(thing.read);
    const entries = listOf(found["entries"]) as Fields[];
    const at = entries.findIndex((it) => it["type"] === type && it["value"] === value);
    if (at < 0) throw new CliError("Couldn't find a matching entry");
    await thing.replace({ ...pickMembers(found), entries: entries.filter((_, i) => i !== at) }, headers);
  },
});

export const networkZoneGroup: Group = {
  name: "zone",
  summary: "Manage network zones",
  commands: [
    ...thingCommands(zoneKind),
    {
      name: "record",
      summary: "Manage network zone records",
      commands: [...thingCommands(recordKind), { name: "entry", summary: "Manage network zone record entries", commands: [add, remove] }],
    },
  ],
};
