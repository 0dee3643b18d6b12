// berth image delete
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { resolveAlias } from "./resolve.ts";

export const imageDeleteCommand = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "<image> [<image>...]",
  summary: "Delete images",
  args: [1, -1],
  async run(ctx, args) {
    for (const argument of args) {
      const { server, name } = ctx.resolve(argument);
      if (name === "") throw new CliError("Image identifier missing");
      await server.follow(await server.client.deleteImage({ fingerprint: await resolveAlias(server, name) }));
    }
  },
});
