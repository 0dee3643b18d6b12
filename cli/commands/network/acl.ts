// berth network acl
import { defineCommand, type Group } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { splitPair } from "../../key-values.ts";
import { type Fields, thingAt } from "../keyed.ts";
import { listOf, place, type ThingKind, text, thingCommands } from "./things.ts";

const rule = {
  struct: {
    action: "value", source: "value", destination: "value", protocol: "value", source_port: "value", destination_port: "value", icmp_type: "value",
    icmp_code: "value", description: "value", state: "value",
  },
} as const;
const ruleKeys = Object.keys(rule.struct);
const members = ["description", "egress", "ingress", "config"] as const;

const kind: ThingKind = {
  what: "network ACL", title: "Network ACL", usage: "<ACL>", extension: "network_acl", members,
  list: () => "/1.0/network-acls",
  shape: { struct: { name: "value", description: "value", egress: { listOf: rule }, ingress: { listOf: rule }, config: "map", used_by: "list" } },
  header: ["NAME", "DESCRIPTION", "USED BY"],
  row: (acl) => [text(acl["name"]), text(acl["description"]), String(listOf(acl["used_by"]).length)],
  make: (name) => ({ name, description: "", egress: [], ingress: [] }),
  help: `### This is a YAML representation of the network ACL.
### Any line starting with a '# will be ignored.
###
### A network ACL consists of a set of rules and configuration items.
###
### An example would look like:
### name: allow-all-inbound
### description: test desc
### egress: []
### ingress:
### - action: allow
###   state: enabled
###   source: 10.0.0.0/8
### config:
###  user.foo: bah
###
### Note that only the description, rules and configuration keys can be changed.`,
};

const rename = defineCommand({
  name: "rename", aliases: ["mv"], usage: "<ACL> <new-name>", summary: "Rename network ACLs", args: [2, 2],
  async run(ctx, [acl = "", newName = ""]) {
    const { server, path, name } = place(ctx, kind, [acl]);
    await server.require(kind.extension);
    await server.ask("POST", path, { body: { name: newName } });
    ctx.say(`Network ACL ${name} renamed to ${newName}`);
  },
});

const showLog = defineCommand({
  name: "show-log", usage: "<ACL>", summary: "Show network ACL log", args: [1, 1],
  async run(ctx, [acl = ""]) {
    const { server, path } = place(ctx, kind, [acl]);
    await server.require("network_acl_log");
    const response = await server.transport.request({ method: "GET", path: `${path}/log` });
    const log = await response.text();
    if (response.status >= 400) throw new CliError(`The server has no log of it: ${response.status}`);
    ctx.write(log);
  },
});

function readRule(pairs: readonly string[]): Record<string, string> {
  const keys = Object.fromEntries(pairs.map((pair) => splitPair(pair, "Bad key/value pair")));
  for (const key of Object.keys(keys)) if (!ruleKeys.includes(key)) throw new CliError(`Unknown key: ${key}`, { hint: `choose of ${ruleKeys.join(", ")}.` });
  return keys;
}

function assertDirection(direction: string): void {
  if (direction !== "ingress" && direction !== "egress") throw new CliError("The direction argument must be one of: ingress, egress");
}

const pickMembers = (acl: Fields) => Object.fromEntries(members.map((key) => [key, acl[key]]));

const add = defineCommand({
  name: "add", usage: "<ACL> <direction> <key>=<value>...", summary: "Add rules to an ACL", args: [2, -1],
  async run(ctx, [acl = "", direction = "", ...pairs]) {
    assertDirection(direction);
    const { server, path } = place(ctx, kind, [acl]);
    const thing = thingAt(server, path, kind.extension);
    const { value, headers } = await server.readForChange(thing.read);
    await thing.replace({ ...pickMembers(value), [direction]: [...listOf(value[direction]), { state: "enabled", ...readRule(pairs) }] }, headers);
  },
});

const remove = defineCommand({
  name: "remove", usage: "<ACL> <direction> <key>=<value>...", summary: "Remove rules from an ACL", args: [2, -1],
  flags: { force: { kind: "bool", description: "Remove all rules that match" } },
  async run(ctx, [acl = "", direction = "", ...pairs], flags) {
    assertDirection(direction);
    const { server, path } = place(ctx, kind, [acl]);
    const wanted = Object.entries(readRule(pairs));
    const thing = thingAt(server, path, kind.extension);
    const { value, headers } = await server.readForChange(thing.read);
    const rules = listOf(value[direction]) as Fields[];
    const kept = rules.filter((it) => wanted.some(([key, wish]) => text(it[key]) !== wish));
    if (kept.length === rules.length) throw new CliError("No matching rule(s) found");
    if (rules.length - kept.length > 1 && !flags.force) throw new CliError("Multiple rules match. Use --force to remove them all");
    await thing.replace({ ...pickMembers(value), [direction]: kept }, headers);
  },
});

export const networkAclGroup: Group = {
  name: "acl",
  summary: "Manage network ACLs",
  commands: [...thingCommands(kind), rename, showLog, { name: "rule", summary: "Manage network ACL rules", commands: [add, remove] }],
};
