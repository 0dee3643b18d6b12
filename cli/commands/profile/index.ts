// berth profile
import type { Profile } from "../../../server/api/profiles.ts";
import { defineCommand, formatFlag, type Group } from "../../command.ts";
import { compareRows } from "../../output/natural.ts";
import { profileShape } from "../../output/shape.ts";
import { listedServer } from "../../remote.ts";
import { profileDeviceGroup } from "../config/device.ts";
import { profileAssignCommands } from "./assign.ts";
import { profileChangeCommands } from "./change.ts";

const listCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  summary: "List profiles",
  args: [0, 1],
  flags: { format: formatFlag },
  async run(ctx, args, flags) {
    const server = listedServer(ctx, args);
    await ctx.list(flags.format, async () => {
      const profiles = (await server.client.listProfiles({ recursion: "1" })) as Profile[];
      const rows = profiles.map((it) => [it.name, it.description, String((it.used_by ?? []).length)]);
      return { header: ["NAME", "DESCRIPTION", "USED BY"], rows: rows.sort(compareRows), raw: profiles, shape: profileShape };
    });
  },
});

const showCommand = defineCommand({
  name: "show",
  usage: "<profile>",
  summary: "Show profile configurations",
  args: [1, 1],
  async run(ctx, [profile]) {
    const { server, name } = ctx.resolve(profile, "profile");
    ctx.show(await server.client.getProfile({ name }), profileShape);
  },
});

export const profileGroup: Group = {
  name: "profile",
  summary: "Manage profiles",
  commands: [...profileAssignCommands, ...profileChangeCommands, listCommand, profileDeviceGroup, showCommand],
};
