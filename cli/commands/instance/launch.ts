// berth init and berth launch
import type { InstancesPost } from "../../../server/api/instances.ts";
import type { DeviceMap } from "../../../server/api/schemas.ts";
import { defineCommand, type Flags, targetFlag, type Values } from "../../command.ts";
import type { Context, Target } from "../../context.ts";
import { CliError, messageOf, prefixed } from "../../errors.ts";
import { splitPair } from "../../key-values.ts";
import { readYaml } from "../../output/yaml.ts";
import type { Server } from "../../remotes/server.ts";
import { whenBack } from "../../restart.ts";
import { instancePutFrom } from "../../writable.ts";
import { imageSource } from "../image/source.ts";
import { openConsole } from "./console.ts";
import { madeInstance } from "./made.ts";
import { overrideDevices, parseOverrides } from "./overrides.ts";
import { withLogHint } from "./state.ts";

export const initFlags = {
  config: { kind: "list", short: "c", description: "Config key/value to apply to the new instance" },
  device: { kind: "list", short: "d", description: "New key/value to apply to a specific device" },
  empty: { kind: "bool", description: "Create an empty instance" },
  ephemeral: { kind: "bool", short: "e", description: "Ephemeral instance" },
  network: { kind: "string", short: "n", description: "Network name" },
  "no-profiles": { kind: "bool", description: "Create the instance with no profiles applied" },
  profile: { kind: "list", short: "p", description: "Profile to apply to the new instance" },
  storage: { kind: "string", short: "s", description: "Storage pool name" },
  type: { kind: "string", short: "t", description: "Instance type" },
  target: targetFlag,
  vm: { kind: "bool", description: "Create a virtual machine", hidden: true },
} as const satisfies Flags;
type InitValues = Values<typeof initFlags>;

export const initCommand = defineCommand({
  name: "init",
  usage: "<image> [<name>]",
  summary: "Create instances from images",
  examples: `berth init alpine a1

berth init alpine a1 < config.yaml
    Create the instance with configuration from config.yaml`,
  args: [0, 2],
  flags: initFlags,
  async run(ctx, args, flags) {
    await createInstance(ctx, args, flags);
  },
});

export const launchCommand = defineCommand({
  name: "launch",
  usage: "<image> [<name>]",
  summary: "Create and start instances from images",
  examples: `berth launch alpine a1

berth launch alpine a1 < config.yaml
    Create and start a container with configuration from config.yaml`,
  args: [0, 2],
  flags: { ...initFlags, console: { kind: "optional", bare: "console", description: "Immediately attach to the console" } },
  async run(ctx, args, flags) {
    const target = await createInstance(ctx, args, flags);
    const { server, name } = target;
    ctx.say(`Starting ${name}`);
    const operation = await whenBack(
      () => server.client.changeInstanceState({ name, body: { action: "start", timeout: -1 } }),
      () => ctx.warn(`The server is being restarted: ${name} is started when it is back`),
      (cause) => new CliError(`${name} was made, but not started: ${messageOf(cause)}`, { hint: `when the server is back: berth start ${name}`, cause }),
    );
    await server.follow(operation).catch((error: unknown) => {
      throw withLogHint(error, name);
    });
    return flags.console ? openConsole(ctx, target, flags.console) : 0;
  },
});

export async function createInstance(ctx: Context, args: string[], flags: InitValues): Promise<Target> {
  if (flags.vm) throw new CliError("Virtual machines are not supported: Berth runs containers");
  if (flags.empty && args.length > 1) throw new CliError("--empty cannot be combined with an image name");
  if (!flags.empty && args.length === 0) throw new CliError("Name the image to create it from", { hint: "berth image list shows what there is." });
  const image = flags.empty ? undefined : args[0];
  const wanted = flags.empty ? args[0] : args[1];
  const { server, name } = ctx.resolve(wanted);

  const given = ctx.hasInput ? instancePutFrom(await readYaml(await ctx.readInput())) : {};
  ctx.say(name === "" ? "Creating the instance" : `Creating ${name}`);
  const body: InstancesPost = {
    ...given,
    name, instance_type: flags.type, type: "container", ephemeral: flags.ephemeral || (given.ephemeral ?? false),
    config: { ...given.config, ...Object.fromEntries(flags.config.map((pair) => splitPair(pair, "Bad key=value pair"))) },
    source: { type: "none" },
  };
  const profiles = flags["no-profiles"] || flags.profile.length > 0 ? flags.profile : given.profiles?.length ? given.profiles : undefined;
  if (profiles) body.profiles = profiles;
  else delete body.profiles;
  body.devices = await buildDevices(server, { ...given.devices }, flags, profiles);
  if (image !== undefined) body.source = await imageSource(ctx, server, image);

  const created = await server.follow(await server.client.createInstance({ body }), "Retrieving image: ");
  const target = { server, name: name || madeInstance(created) };
  if (name === "") ctx.print(`Instance name is: ${target.name}`);
  await warnWithoutNetwork(ctx, target);
  return target;
}

async function buildDevices(server: Server, devices: DeviceMap, flags: InitValues, profiles: string[] | undefined): Promise<DeviceMap> {
  if (flags.network !== "") devices["eth0"] = await nicOn(server, flags.network);
  if (flags.storage !== "") {
    await server.client.getStoragePool({ name: flags.storage }).catch((error: unknown) => {
      throw prefixed(`Failed loading storage pool "${flags.storage}"`, error);
    });
    devices["root"] = { type: "disk", path: "/", pool: flags.storage };
  }
  return overrideDevices(server, devices, parseOverrides(flags.device), profiles?.length ? profiles : ["default"]);
}

async function nicOn(server: Server, name: string): Promise<Record<string, string>> {
  const network = await server.client.getNetwork({ name }).catch((error: unknown) => {
    throw prefixed(`Failed loading network "${name}"`, error);
  });
  if (network.managed) return { name: "eth0", type: "nic", network: network.name };
  return { name: "eth0", type: "nic", nictype: network.type === "bridge" ? "bridged" : "macvlan", parent: name };
}

async function warnWithoutNetwork(ctx: Context, { server, name }: Target): Promise<void> {
  const instance = await server.client.getInstance({ name }).catch(() => undefined);
  if (instance && !Object.values(instance.expanded_devices ?? {}).some((device) => device["type"] === "nic")) {
    ctx.warn("\nThe instance you are starting doesn't have any network attached to it.");
    ctx.warn("  To create a new network, use: berth network create");
    ctx.warn(`  To attach a network to an instance, use: berth config device add ${name} eth0 nic network=NETWORK name=eth0\n`);
  }
}
