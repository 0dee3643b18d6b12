// berth storage
import type { StoragePool } from "../../../server/api/storage.ts";
import { defineCommand, formatFlag, type Group, targetFlag } from "../../command.ts";
import { compareRows } from "../../output/natural.ts";
import { poolResourcesShape, poolShape } from "../../output/shape.ts";
import { formatSizeIec } from "../../output/units.ts";
import { renderYaml } from "../../output/yaml.ts";
import { listedServer } from "../../remote.ts";
import { storageChangeCommands } from "./change.ts";
import { leftOut } from "../left-out.ts";

const listCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  summary: "List available storage pools",
  args: [0, 1],
  flags: { format: formatFlag },
  async run(ctx, args, flags) {
    const server = listedServer(ctx, args);
    await ctx.list(flags.format, async () => {
      const pools = (await server.client.listStoragePools({ recursion: "1" })) as StoragePool[];
      const rows = pools.map((it) => [
        it.name, it.driver, it.config?.["source"] ?? "", it.description, String((it.used_by ?? []).length), it.status.toUpperCase(),
      ]);
      const header = ["NAME", "DRIVER", "SOURCE", "DESCRIPTION", "USED BY", "STATE"];
      return { header, rows: rows.sort(compareRows), raw: pools, shape: poolShape };
    });
  },
});

const showCommand = defineCommand({
  name: "show",
  usage: "<pool>",
  summary: "Show storage pool configurations and resources",
  args: [1, 1],
  flags: { resources: { kind: "bool", description: "Show the resources available to the storage pool" }, target: targetFlag },
  async run(ctx, [pool], flags) {
    const { server, name } = ctx.resolve(pool, "pool");
    if (flags.resources) return ctx.show(await server.client.getStoragePoolResources({ name }), poolResourcesShape);
    const found = await server.client.getStoragePool({ name });
    ctx.show({ ...found, used_by: [...(found.used_by ?? [])].sort() }, poolShape);
  },
});

const infoCommand = defineCommand({
  name: "info",
  usage: "<pool>",
  summary: "Show useful information about storage pools",
  args: [1, 1],
  flags: { bytes: { kind: "bool", description: "Show the used and free space in bytes" }, target: targetFlag },
  async run(ctx, [argument], flags) {
    const { server, name } = ctx.resolve(argument, "pool");
    const [pool, { space }] = await Promise.all([server.client.getStoragePool({ name }), server.client.getStoragePoolResources({ name })]);
    const size = flags.bytes ? String : formatSizeIec;
    const info = {
      name: pool.name, driver: pool.driver, description: pool.description, "total space": size(space.total), "space used": size(space.used),
    };
    ctx.write(renderYaml({ info }) + renderYaml({ "used by": groupUsers(pool.used_by ?? []) }));
  },
});

/** The URLs of what uses a pool, as names below their kinds. */
export function groupUsers(urls: readonly string[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const text of urls) {
    const url = new URL(text, "unix://berth");
    const fields = url.pathname.split("/").slice(2).map(decodeURIComponent);
    const isVolume = fields[0] === "storage-pools";
    const kind = isVolume ? "volumes" : (fields[0] ?? "");
    const name = (isVolume ? fields[4] : fields[1]) ?? "";
    const notes = ["project", "target"].filter((key) => url.searchParams.get(key)).map((key) => `${key} "${url.searchParams.get(key)}"`);
    (groups[kind] ??= []).push(notes.length > 0 ? `${name} (${notes.join(", ")})` : name);
  }
  return groups;
}

const volumeGroup = leftOut("volume", "Custom storage volumes are not supported yet: give an instance a folder of the machine with berth config device add NAME DEVICE disk source=/path path=/path");

export const storageGroup: Group = {
  name: "storage",
  summary: "Manage storage pools",
  commands: [...storageChangeCommands, infoCommand, listCommand, showCommand, volumeGroup],
};
