// berth init and berth launch
import type { InstancesPost } from "../../../server/api/instances.ts";
import type { DeviceMap } from "../../../server/api/schemas.ts";
import { defineCommand, type Flags, type Values } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError, prefixed } from "../../errors.ts";
import { splitPair } from "../../key-values.ts";
import { readYaml } from "../../output/yaml.ts";
import { nameOf, stripRemote } from "../../remote.ts";
import { instancePutFrom } from "../../writable.ts";
import { resolveAlias } from "../image/resolve.ts";
import { openConsole } from "./console.ts";
import { madeInstance } from "./made.ts";
import { overrideDevices, parseOverrides } from "./overrides.ts";
import { withLogHint } from "./state.ts";

const initFlags = {
  config: { kind: "list", short: "c", description: "Config key/value to apply to the new instance" },
  device: { kind: "list", short: "d", description: "New key/value to apply to a specific device" },
  empty: { kind: "bool", description: "Create an empty instance" },
  ephemeral: { kind: "bool", short: "e", description: "Ephemeral instance" },
  network: { kind: "string", short: "n", description: "Network name" },
  "no-profiles": { kind: "bool", description: "Create the instance with no profiles applied" },
  profile: { kind: "list", short: "p", description: "Profile to apply to the new instance" },
  storage: { kind: "string", short: "s", description: "Storage pool name" },
  type: { kind: "string", short: "t", description: "Instance type" },
  target: { kind: "string", description: "Cluster member name", hidden: true },
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
    const name = await createInstance(ctx, args, flags);
    ctx.say(`Starting ${name}`);
    const operation = await ctx.client.changeInstanceState({ name, body: { action: "start", timeout: -1 } });
    await ctx.follow(operation).catch((error: unknown) => {
      throw withLogHint(error, name);
    });
    return flags.console ? openConsole(ctx, name, flags.console) : 0;
  },
});

async function createInstance(ctx: Context, args: string[], flags: InitValues): Promise<string> {
  if (flags.vm) throw new CliError("Virtual machines are not supported: Berth runs containers");
  if (flags.target) throw new CliError("--target is not supported: Berth is never a cluster");
  if (flags.empty && args.length > 1) throw new CliError("--empty cannot be combined with an image name");
  if (!flags.empty && args.length === 0) throw new CliError("Name the image to create it from", { hint: "berth image list shows what there is." });
  const image = flags.empty ? undefined : stripRemote(args[0] ?? "");
  const wanted = flags.empty ? args[0] : args[1];
  const name = wanted === undefined ? "" : nameOf(wanted, "instance");

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
  body.devices = await buildDevices(ctx, { ...given.devices }, flags, profiles);
  if (image !== undefined) body.source = { type: "image", fingerprint: await findImage(ctx, image) };

  const created = await ctx.follow(await ctx.client.createInstance({ body }), "Retrieving image: ");
  if (name !== "") return warnWithoutNetwork(ctx, name);
  const generated = madeInstance(created);
  ctx.print(`Instance name is: ${generated}`);
  return warnWithoutNetwork(ctx, generated);
}

/** Fingerprint of an image, by alias or fingerprint. */
export async function findImage(ctx: Context, image: string): Promise<string> {
  const fingerprint = await resolveAlias(ctx, image);
  return (await ctx.client.getImage({ fingerprint })).fingerprint;
}

async function buildDevices(ctx: Context, devices: DeviceMap, flags: InitValues, profiles: string[] | undefined): Promise<DeviceMap> {
  if (flags.network !== "") devices["eth0"] = await nicOn(ctx, flags.network);
  if (flags.storage !== "") {
    await ctx.client.getStoragePool({ name: flags.storage }).catch((error: unknown) => {
      throw prefixed(`Failed loading storage pool "${flags.storage}"`, error);
    });
    devices["root"] = { type: "disk", path: "/", pool: flags.storage };
  }
  return overrideDevices(ctx, devices, parseOverrides(flags.device), profiles?.length ? profiles : ["default"]);
}

async function nicOn(ctx: Context, name: string): Promise<Record<string, string>> {
  const network = await ctx.client.getNetwork({ name }).catch((error: unknown) => {
    throw prefixed(`Failed loading network "${name}"`, error);
  });
  if (network.managed) return { name: "eth0", type: "nic", network: network.name };
  return { name: "eth0", type: "nic", nictype: network.type === "bridge" ? "bridged" : "macvlan", parent: name };
}

async function warnWithoutNetwork(ctx: Context, name: string): Promise<string> {
  const instance = await ctx.client.getInstance({ name }).catch(() => undefined);
  if (instance && !Object.values(instance.expanded_devices ?? {}).some((device) => device["type"] === "nic")) {
    ctx.warn("\nThe instance you are starting doesn't have any network attached to it.");
    ctx.warn("  To create a new network, use: berth network create");
    ctx.warn(`  To attach a network to an instance, use: berth config device add ${name} eth0 nic network=NETWORK name=eth0\n`);
  }
  return name;
}
