// berth rename
import { defineCommand } from "../../command.ts";
import { nameOf } from "../../remote.ts";

export const renameCommand = defineCommand({
  name: "rename",
  usage: "<instance> <new-name>",
  summary: "Rename instances",
  args: [2, 2],
  async run(ctx, args) {
    const body = { name: nameOf(args[1], "instance") };
    await ctx.follow(await ctx.client.renameInstance({ name: nameOf(args[0], "instance"), body }));
  },
});
