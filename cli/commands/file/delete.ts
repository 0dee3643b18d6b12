// berth file delete
import { defineCommand } from "../../command.ts";
import { parseGuestFile } from "./guest-files.ts";

export const fileDeleteCommand = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<instance>/<path> [<instance>/<path>...]",
  summary: "Delete files in instances",
  args: [1, -1],
  async run(ctx, args) {
    const files = args.map((argument) => parseGuestFile(ctx, argument, "path"));
    for (const { server, name, path } of files) await server.client.deleteInstanceFile({ name, path });
  },
});
