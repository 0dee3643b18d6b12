// berth image refresh
import { defineCommand } from "../../command.ts";
import { findImage } from "./source.ts";

export const imageRefreshCommand = defineCommand({
  name: "refresh",
  usage: "<image> [<image>...]",
  summary: "Refresh images",
  args: [1, -1],
  async run(ctx, args) {
    for (const argument of args) {
      const { server, name } = ctx.resolve(argument, "image");
      const fingerprint = await findImage(server, name);
      const { metadata } = await server.follow(await server.client.refreshImage({ fingerprint }), "Refreshing the image: ");
      ctx.say(metadata?.["refreshed"] === true ? "Image refreshed successfully!" : "Image already up to date.");
    }
  },
});
