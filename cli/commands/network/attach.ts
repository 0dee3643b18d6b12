// berth network attach, attach-profile, detach and detach-profile
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { type Owner, type ReadOwner, readInstance, readProfile } from "../config/owner.ts";

type Device = Record<string, string>;

const isOn = (network: string, device: Device | undefined) => device?.["type"] === "nic" && (device["parent"] === network || device["network"] === network);

async function attach(ctx: Context, read: ReadOwner, args: readonly string[]): Promise<void> {
  const { server, name } = ctx.resolve(args[0], "network");
  const { type, managed } = await server.client.getNetwork({ name });
  const device: Device = managed ? { type: "nic", network: name } : { type: "nic", nictype: type === "bridge" ? "bridged" : "macvlan", parent: name };
  if (args[3] !== undefined) device["name"] = args[3];
  const owner = await read({ server, name: args[1] ?? "" });
  const deviceName = args[2] ?? name;
  if (owner.devices[deviceName]) throw new CliError("The device already exists");
  await owner.save({ ...owner.devices, [deviceName]: device });
}

async function detach(ctx: Context, read: ReadOwner, args: readonly string[]): Promise<void> {
  const { server, name } = ctx.resolve(args[0], "network");
  const owner = await read({ server, name: args[1] ?? "" });
  const device = args[2] ?? findDevice(owner, name);
  if (!owner.devices[device]) throw new CliError("The specified device doesn't exist");
  if (!isOn(name, owner.devices[device])) throw new CliError("The specified device doesn't match the network");
  await owner.save(Object.fromEntries(Object.entries(owner.devices).filter(([key]) => key !== device)));
}

function findDevice({ devices, expanded }: Owner, network: string): string {
  const [found, another] = Object.keys(devices).filter((key) => isOn(network, devices[key]));
  if (another !== undefined) throw new CliError("More than one device matches, specify the device name");
  if (found !== undefined) return found;
  const inherited = Object.values(expanded).some((device) => isOn(network, device));
  throw new CliError("No device found for this network", { hint: inherited ? "it comes from a profile: override the device, or detach it from the profile." : undefined });
}

const commandsFor = (kind: "instance" | "profile", suffix: string, read: ReadOwner) => [
  defineCommand({
    name: `attach${suffix}`,
    usage: `<network> <${kind}> [<device name>] [<interface name>]`,
    summary: `Attach network interfaces to ${kind}s`,
    args: [2, 4],
    run: (ctx, args) => attach(ctx, read, args),
  }),
  defineCommand({
    name: `detach${suffix}`,
    usage: `<network> <${kind}> [<device name>]`,
    summary: `Detach network interfaces from ${kind}s`,
    args: [2, 3],
    run: (ctx, args) => detach(ctx, read, args),
  }),
];

export const networkAttachCommands = [...commandsFor("instance", "", readInstance), ...commandsFor("profile", "-profile", readProfile)];
