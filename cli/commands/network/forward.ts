// berth network forward
import { defineCommand, type Group, targetFlag } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { type Fields, thingAt } from "../keyed.ts";
import { listOf, place, type ThingKind, text, thingCommands } from "./things.ts";

const port = { struct: { description: "value", protocol: "value", listen_port: "value", target_port: "value", target_address: "value" } } as const;
const members = ["description", "config", "ports"] as const;

const kind: ThingKind = {
  what: "network forward", title: "Network forward", usage: "<network> <listen_address>", extension: "network_forward", members,
  list: (network) => `/1.0/networks/${network}/forwards`,
  shape: { struct: { description: "value", config: "map", ports: { listOf: port }, listen_address: "value", location: "value" } },
  header: ["LISTEN ADDRESS", "DESCRIPTION", "DEFAULT TARGET ADDRESS", "PORTS"],
  row: (it) => [
    text(it["listen_address"]), text(it["description"]), (it["config"] as Record<string, string> | undefined)?.["target_address"] ?? "", String(listOf(it["ports"]).length),
  ],
  make: (address) => ({ listen_address: address, description: "", ports: [] }),
  help: `### This is a YAML representation of the network forward.
### Any line starting with a '# will be ignored.
###
### A network forward consists of a default target address and optional set of port forwards for a listen address.
###
### An example would look like:
### listen_address: 192.0.2.1
### config:
###   target_address: 198.51.100.2
### description: test desc
### ports:
### - description: port forward
###   protocol: tcp
###   listen_port: 80,81,8080-8090
###   target_address: 198.51.100.2
###   target_port: 80,81,8080-8090
### location: lxd01
###
### Note that the listen_address and location cannot be changed.`,
};

const pickMembers = (forward: Fields) => Object.fromEntries(members.map((key) => [key, forward[key]]));

const add = defineCommand({
  name: "add", usage: "<network> <listen_address> <protocol> <listen_port(s)> <target_address> [<target_port(s)>]", summary: "Add ports to a forward", args: [5, 6],
  flags: { target: targetFlag },
  async run(ctx, [network = "", address = "", protocol, listenPort, targetAddress, targetPort = ""]) {
    const { server, path } = place(ctx, kind, [network, address]);
    const thing = thingAt(server, path, kind.extension);
    const { value, headers } = await server.readForChange(thing.read);
    const added = { description: "", protocol, listen_port: listenPort, target_port: targetPort, target_address: targetAddress };
    await thing.replace({ ...pickMembers(value), ports: [...listOf(value["ports"]), added] }, headers);
  },
});

const remove = defineCommand({
  name: "remove", usage: "<network> <listen_address> [<protocol>] [<listen_port(s)>]", summary: "Remove ports from a forward", args: [2, 4],
  flags: { force: { kind: "bool", description: "Remove all ports that match" }, target: targetFlag },
  async run(ctx, [network = "", address = "", protocol, listenPort], flags) {
    const { server, path } = place(ctx, kind, [network, address]);
    const thing = thingAt(server, path, kind.extension);
    const { value, headers } = await server.readForChange(thing.read);
    const ports = listOf(value["ports"]) as Fields[];
    const matches = (it: Fields) => (protocol === undefined || it["protocol"] === protocol) && (listenPort === undefined || it["listen_port"] === listenPort);
    const kept = ports.filter((it) => !matches(it));
    if (kept.length === ports.length) throw new CliError("No matching port(s) found");
    if (ports.length - kept.length > 1 && !flags.force) throw new CliError("Multiple ports match. Use --force to remove them all");
    await thing.replace({ ...pickMembers(value), ports: kept }, headers);
  },
});

export const networkForwardGroup: Group = {
  name: "forward",
  summary: "Manage network forwards",
  commands: [...thingCommands(kind), { name: "port", summary: "Manage network forward ports", commands: [add, remove] }],
};
