// berth admin init
import type { Project } from "../../../server/api/projects.ts";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { preseedShape } from "../../output/shape.ts";
import { readYaml } from "../../output/yaml.ts";
import type { Server } from "../../remotes/server.ts";
import { applyPreseed, readCurrent } from "./apply.ts";
import { planSetup, type Wishes } from "./plan.ts";
import { type Preseed, parsePreseed } from "./preseed.ts";
import { askWishes, checkSubnet } from "./questions.ts";

export const adminInitCommand = defineCommand({
  name: "init",
  summary: "Configure the Berth daemon",
  description: `Configure the Berth daemon

Creates a storage pool and a network bridge, and gives both to the default
profile. What is there already stays as it is: it may be run again.`,
  examples: `berth admin init --auto
berth admin init --auto --storage-backend=btrfs --storage-create-loop=30 --network-address=0.0.0.0
berth admin init --auto --network-name=berthbr0 --ipv4-address=10.62.42.1/24 --ipv6-address=none
berth admin init --preseed < preseed.yaml
berth admin init --dump`,
  args: [0, 0],
  flags: {
    auto: { kind: "bool", description: "Automatic (non-interactive) mode" },
    dump: { kind: "bool", description: "Dump YAML config to stdout" },
    "ipv4-address": { kind: "string", description: "IPv4 subnet of the network: CIDR, auto or none" },
    "ipv6-address": { kind: "string", description: "IPv6 subnet of the network: CIDR, auto or none" },
    minimal: { kind: "bool", description: "Minimal configuration: the same as --auto" },
    "network-address": { kind: "string", description: "Address to bind Berth to (default: none)" },
    "network-name": { kind: "string", description: "Network bridge to use or create (default: berthbr0)" },
    "network-port": { kind: "string", description: "Port to bind Berth to (default: 8443)" },
    preseed: { kind: "bool", description: "Pre-seed mode, expects YAML config from stdin" },
    "storage-backend": { kind: "string", description: "Driver of the storage pool: dir or btrfs (default: dir)" },
    "storage-create-device": { kind: "string", description: "Disk or folder that a btrfs pool is made on" },
    "storage-create-loop": { kind: "string", description: "Size in GiB of the file that a btrfs pool is made in" },
    "storage-pool": { kind: "string", description: "Storage pool to use or create (default: default)" },
    "trust-password": { kind: "string", description: "Password required to add new clients" },
  },
  async run(ctx, _args, flags) {
    const isAuto = flags.auto || flags.minimal;
    if ([isAuto, flags.preseed, flags.dump].filter(Boolean).length > 1) throw new CliError("Only one of --auto, --preseed and --dump can be used");
    const server = ctx.serverOf("local");
    if (flags.dump) return dump(ctx, server);
    const wishes: Wishes = {
      pool: flags["storage-pool"], backend: flags["storage-backend"], source: flags["storage-create-device"], size: flags["storage-create-loop"],
      network: flags["network-name"], ipv4: flags["ipv4-address"], ipv6: flags["ipv6-address"],
      listen: listenAddress(flags["network-address"], flags["network-port"]), password: flags["trust-password"],
    };
    if (flags.preseed) {
      if (Object.values(wishes).some((wish) => wish !== "")) throw new CliError("--preseed takes all it needs from stdin: no other flags");
      return setUp(ctx, server, parsePreseed(await readYaml(await ctx.readInput())));
    }
    checkAddresses(wishes);
    checkStorage(wishes);
    const chosen = isAuto ? wishes : await ask(wishes);
    await setUp(ctx, server, planSetup(chosen, await readCurrent(server)));
  },
});

/** What `core.https_address` is to be; empty for none. */
function listenAddress(address: string, port: string): string {
  if (address === "") {
    if (port !== "") throw new CliError("--network-port cannot be used without --network-address");
    return "";
  }
  if (port !== "" && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) throw new CliError(`--network-port: "${port}" is no port: use one from 1 to 65535`);
  const host = address.includes(":") && !address.startsWith("[") ? `[${address}]` : address;
  return `${host}:${port || "8443"}`;
}

function checkStorage({ backend, source, size }: Wishes): void {
  if (source !== "" && size !== "") throw new CliError("Only one of --storage-create-device or --storage-create-loop can be specified");
  if (backend !== "" && !["dir", "btrfs"].includes(backend)) throw new CliError(`The requested backend '${backend}' isn't supported by berth admin init: use dir or btrfs`);
  if (backend !== "btrfs" && (source !== "" || size !== "")) throw new CliError("--storage-create-device and --storage-create-loop need --storage-backend=btrfs");
  if (size !== "" && !/^[1-9]\d{0,6}$/.test(size)) throw new CliError(`--storage-create-loop: "${size}" is no size: use a number of GiB`);
}

function checkAddresses({ ipv4, ipv6 }: Wishes): void {
  const fault = (ipv4 && checkSubnet(ipv4, 4)) || (ipv6 && checkSubnet(ipv6, 6));
  if (fault) throw new CliError(`Invalid address: ${fault}`);
}

async function ask(wishes: Wishes): Promise<Wishes> {
  const { Prompt } = await import("../../prompt.ts");
  const prompt = new Prompt();
  try {
    return await askWishes(prompt, wishes);
  } finally {
    prompt.close();
  }
}

async function setUp(ctx: Context, server: Server, preseed: Preseed): Promise<void> {
  for (const thing of preseed.ignored) ctx.warn(`Ignored: ${thing} (networks belong to the default project)`);
  const done = await applyPreseed(server, preseed, await readCurrent(server));
  ctx.say(done.length > 0 ? done.join("\n") : "Nothing to change: Berth is set up already");
}

async function dump(ctx: Context, server: Server): Promise<void> {
  const { config, networks, pools, profiles } = await readCurrent(server);
  const projects = (await server.client.listProjects({ recursion: "1" })) as Project[];
  ctx.show({
    config,
    networks: networks.filter((it) => it.managed).map(({ config: keys, description, name, type }) => ({ config: keys, description, name, type, project: "default" })),
    storage_pools: pools.map(({ config: keys, description, name, driver }) => ({ config: keys, description, name, driver })),
    profiles: profiles.map(({ config: keys, description, devices, name }) => ({ config: keys, description, devices, name })),
    projects: projects.map(({ config: keys, description, name }) => ({ config: keys, description, name })),
  }, preseedShape);
  ctx.print("");
}
