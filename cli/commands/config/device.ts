// berth config device and berth profile device: the same commands on instances and on profiles
import { defineCommand, type Entry, type Group } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { readPairs, splitPair } from "../../key-values.ts";
import { renderYaml } from "../../output/yaml.ts";
import { type Owner, type ReadOwner, readInstance, readProfile } from "./owner.ts";

/** One of the owner's own devices. Throws `inherited` when it comes from a profile. */
function ownDevice({ devices, expanded }: Owner, device: string, inherited: string): Record<string, string> {
  const own = devices[device];
  if (own) return own;
  throw new CliError(expanded[device] ? `Device from profile(s) cannot be ${inherited}` : "Device doesn't exist");
}

const parsePairs = (pairs: readonly string[]) => Object.fromEntries(pairs.map((pair) => splitPair(pair, "No value found in")));

function deviceCommands(kind: "instance" | "profile", read: ReadOwner): Entry[] {
  const command = kind === "instance" ? "config" : "profile";
  const owner = `<${kind}>`;

  const add = defineCommand({
    name: "add",
    usage: `${owner} <device> <type> [key=value...]`,
    summary: "Add instance devices",
    examples: `berth ${command} device add ${kind}1 <device-name> disk source=/share/c1 path=/opt
    Will mount the host's /share/c1 onto /opt in the instance.`,
    args: [3, -1],
    async run(ctx, [argument, device = "", type = "", ...pairs]) {
      const target = ctx.resolve(argument, kind);
      const found = await read(target);
      if (found.devices[device]) throw new CliError("The device already exists");
      await found.save({ ...found.devices, [device]: { type, ...parsePairs(pairs) } });
      ctx.say(`Device ${device} added to ${target.name}`);
    },
  });

  const get = defineCommand({
    name: "get",
    usage: `${owner} <device> <key>`,
    summary: "Get values for device configuration keys",
    args: [3, 3],
    async run(ctx, [argument, device = "", key = ""]) {
      const found = await read(ctx.resolve(argument, kind));
      ctx.print(ownDevice(found, device, "retrieved for individual instance")[key] ?? "");
    },
  });

  const list = defineCommand({
    name: "list",
    aliases: ["ls"],
    usage: owner,
    summary: "List instance devices",
    args: [1, 1],
    async run(ctx, [argument]) {
      const { devices } = await read(ctx.resolve(argument, kind));
      ctx.print(Object.keys(devices).sort().join("\n"));
    },
  });

  const remove = defineCommand({
    name: "remove",
    aliases: ["rm"],
    usage: `${owner} <name>...`,
    summary: "Remove instance devices",
    args: [2, -1],
    async run(ctx, [argument, ...names]) {
      const target = ctx.resolve(argument, kind);
      const found = await read(target);
      for (const device of names) ownDevice(found, device, "removed from individual instance. Override device or modify profile instead");
      await found.save(Object.fromEntries(Object.entries(found.devices).filter(([device]) => !names.includes(device))));
      ctx.say(`Device ${names.join(", ")} removed from ${target.name}`);
    },
  });

  const change = async (ctx: Context, argument: string | undefined, device: string, keys: Record<string, string>) => {
    const found = await read(ctx.resolve(argument, kind));
    const current = ownDevice(found, device, "modified for individual instance. Override device or modify profile instead");
    await found.save({ ...found.devices, [device]: { ...current, ...keys } });
  };

  const set = defineCommand({
    name: "set",
    usage: `${owner} <device> <key>=<value>...`,
    summary: "Set device configuration keys",
    description: `Set device configuration keys

For backward compatibility, a single configuration key may still be set with:
    berth ${command} device set ${owner} <device> <key> <value>`,
    args: [3, -1],
    async run(ctx, [argument, device = "", ...pairs]) {
      await change(ctx, argument, device, await readPairs(ctx, pairs));
    },
  });

  const unset = defineCommand({
    name: "unset",
    usage: `${owner} <device> <key>`,
    summary: "Unset device configuration keys",
    args: [3, 3],
    run: (ctx, [argument, device = "", key = ""]) => change(ctx, argument, device, { [key]: "" }),
  });

  const show = defineCommand({
    name: "show",
    usage: owner,
    summary: "Show full device configuration",
    args: [1, 1],
    async run(ctx, [argument]) {
      ctx.write(renderYaml((await read(ctx.resolve(argument, kind))).devices));
    },
  });

  return [add, get, list, remove, set, show, unset];
}

const override = defineCommand({
  name: "override",
  usage: "<instance> <device> [key=value...]",
  summary: "Copy profile inherited devices and override configuration keys",
  args: [2, -1],
  async run(ctx, [argument, device = "", ...pairs]) {
    const target = ctx.resolve(argument, "instance");
    const found = await readInstance(target);
    if (found.devices[device]) throw new CliError("The device already exists");
    const inherited = found.expanded[device];
    if (!inherited) throw new CliError("The profile device doesn't exist");
    await found.save({ ...found.devices, [device]: { ...inherited, ...parsePairs(pairs) } });
    ctx.say(`Device ${device} overridden for ${target.name}`);
  },
});

export const instanceDeviceGroup: Group = {
  name: "device",
  summary: "Manage devices",
  commands: [...deviceCommands("instance", readInstance), override],
};

export const profileDeviceGroup: Group = {
  name: "device",
  summary: "Manage devices",
  commands: deviceCommands("profile", readProfile),
};
