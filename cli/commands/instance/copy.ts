// berth copy: an instance or one of its snapshots as a new instance, of its server or another
import type { InstancesPost } from "../../../server/api/instances.ts";
import { statusCodes } from "../../../server/api/envelope.ts";
import type { Config, DeviceMap } from "../../../server/api/schemas.ts";
import { defineCommand, type Flags, type Values } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { splitPair } from "../../key-values.ts";
import { splitSnapshot } from "../../remote.ts";
import type { Server } from "../../remotes/server.ts";
import { madeInstance } from "./made.ts";
import { parseOverrides } from "./overrides.ts";

const flags = {
  "allow-inconsistent": { kind: "bool", description: "Ignore copy errors for volatile files" },
  config: { kind: "list", short: "c", description: "Config key/value to apply to the new instance" },
  device: { kind: "list", short: "d", description: "New key/value to apply to a specific device" },
  ephemeral: { kind: "bool", short: "e", description: "Ephemeral instance" },
  "instance-only": { kind: "bool", description: "Copy the instance without its snapshots" },
  mode: { kind: "string", default: "pull", description: "Transfer mode. One of pull, push or relay" },
  "no-profiles": { kind: "bool", description: "Create the instance with no profiles applied" },
  profile: { kind: "list", short: "p", description: "Profile to apply to the new instance" },
  refresh: { kind: "bool", description: "Perform an incremental copy" },
  stateless: { kind: "bool", description: "Copy a stateful instance stateless" },
  storage: { kind: "string", short: "s", description: "Storage pool name" },
  target: { kind: "string", description: "Cluster member name", hidden: true },
  "target-project": { kind: "string", description: "Copy to a project different from the source" },
} as const satisfies Flags;
export type CopyValues = Values<typeof flags>;

/** What instances and snapshots have in common, as far as a copy takes it. */
interface Source {
  architecture: string;
  config: Config;
  devices: DeviceMap;
  profiles: string[];
  description?: string;
  ephemeral: boolean;
  live: boolean;
}

export const copyCommand = defineCommand({
  name: "copy",
  aliases: ["cp"],
  usage: "<source>[/<snapshot>] [<destination>]",
  summary: "Copy instances",
  examples: `berth copy c1 c2
    Copy "c1" with its snapshots.

berth copy c1/snap0 c2
    Make an instance of a snapshot.

berth copy c1 c2 --refresh
    Bring "c2" to the state of "c1" again.

berth copy c1 far:
    Copy "c1" to another server, under the same name.`,
  args: [1, 2],
  flags,
  async run(ctx, [from, to], values) {
    const { server, name: sourceName } = ctx.resolve(from);
    const destination = ctx.resolve(to);
    if (sourceName === "") throw new CliError("You must specify a source instance name");
    if (values.target) throw new CliError("To use --target, the destination remote must be a cluster");
    if (values.refresh && values["no-profiles"]) throw new CliError("--no-profiles cannot be used with --refresh");
    const { instance, snapshot } = splitSnapshot(sourceName);
    if (snapshot !== undefined && values["instance-only"]) throw new CliError("--instance-only can't be passed when the source is a snapshot");
    if (snapshot !== undefined && values.refresh) throw new CliError("--refresh can only be used with instances");

    const source = await readSource(server, instance, snapshot);
    const project = values["target-project"] || undefined;
    const name = (to === undefined ? undefined : destination.name || instance) ?? (project ? instance : "");
    const body = copyBody(source, sourceName, name, server.project, values);
    const there = to === undefined ? server : destination.server;
    const operation = there === server
      ? await server.follow(await server.client.createInstance({ body, project }), "Transferring instance: ")
      : await (await import("./transfer.ts")).transferInstance({ source: server, name: sourceName, target: there, project, body, mode: values.mode });
    if (values.refresh) await refreshConfig(there, name, project, body);
    if (to === undefined && !project) ctx.print(`Instance name is: ${madeInstance(operation)}`);
  },
});

export async function readSource(server: Server, name: string, snapshot: string | undefined): Promise<Source> {
  if (snapshot !== undefined) return { ...(await server.client.getSnapshot({ name, snapshot })), live: false };
  const instance = await server.client.getInstance({ name });
  return { ...instance, live: instance.status_code === statusCodes.Running };
}

/** What to post for the copy. `keepNotes`: what the server remembers of the instance goes along. */
export function copyBody(source: Source, sourceName: string, name: string, project: string, values: CopyValues, keepNotes = values.refresh): InstancesPost {
  const config = { ...copiedConfig(source.config, keepNotes), ...Object.fromEntries(values.config.map((pair) => splitPair(pair, "Bad key=value pair"))) };
  const { architecture, description } = source;
  return {
    name, architecture, config, devices: copiedDevices(source.devices, values), ephemeral: values.ephemeral, stateful: false, type: "container",
    profiles: values.profile.length > 0 || values["no-profiles"] ? values.profile : source.profiles,
    ...(description === undefined ? {} : { description }),
    source: {
      type: "copy", source: sourceName, live: source.live && !values.stateless && !values.refresh, instance_only: values["instance-only"],
      container_only: values["instance-only"], refresh: values.refresh, allow_inconsistent: values["allow-inconsistent"],
      ...(values["target-project"] && values["target-project"] !== (project || "default") ? { project: project || "default" } : {}),
    } as InstancesPost["source"] & object,
  };
}

/** What a server remembers of an instance is not the copy's, but for what it was made from; a refreshed one keeps nearly all. */
function copiedConfig(config: Config, keepNotes: boolean): Config {
  const stays = (key: string) => !key.startsWith("volatile.") || key === "volatile.base_image" || (keepNotes && key !== "volatile.last_state.power");
  return Object.fromEntries(Object.entries(config).filter(([key]) => stays(key)));
}

function copiedDevices(devices: DeviceMap, { device, storage }: CopyValues): DeviceMap {
  const result: DeviceMap = { ...devices };
  for (const [name, keys] of Object.entries(parseOverrides(device))) result[name] = { ...result[name], ...keys };
  if (storage === "") return result;
  const root = Object.keys(result).find((name) => result[name]?.["type"] === "disk" && result[name]?.["path"] === "/");
  result[root ?? "root"] = root ? { ...result[root], pool: storage } : { type: "disk", path: "/", pool: storage };
  return result;
}

/** A refresh copies files; the configuration is brought over afterwards, but for what the server remembers of each. */
async function refreshConfig(server: Server, name: string, project: string | undefined, body: InstancesPost): Promise<void> {
  const { value, headers } = await server.readForChange(() => server.client.getInstance({ name, project }));
  const { architecture, devices, ephemeral, profiles, description } = body;
  const isNote = ([key]: [string, string]) => key.startsWith("volatile.");
  const config = Object.fromEntries([...Object.entries(body.config ?? {}).filter((entry) => !isNote(entry)), ...Object.entries(value.config).filter(isNote)]);
  const put = { architecture, config, devices, ephemeral, profiles, stateful: false, description };
  await server.follow(await server.client.replaceInstance({ name, project, headers, body: put }), "Refreshing instance: ");
}
