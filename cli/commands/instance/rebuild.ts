// berth rebuild
import { statusCodes } from "../../../server/api/envelope.ts";
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { imageSource } from "../image/source.ts";

export const rebuildCommand = defineCommand({
  name: "rebuild",
  usage: "[<image>] <instance>",
  summary: "Rebuild instances",
  description: `Wipe the instance root disk and re-initialize

The image it was made from is used when no other one is named.`,
  examples: `berth rebuild c1
    Set "c1" back to the image it was made from.

berth rebuild alpine c1
    Put another image in its place.`,
  args: [1, 2],
  flags: {
    empty: { kind: "bool", description: "Rebuild as an empty instance" },
    force: { kind: "bool", short: "f", description: "If an instance is running, stop it and then rebuild it" },
  },
  async run(ctx, args, flags) {
    if (flags.empty && args.length > 1) throw new CliError("--empty cannot be combined with an image name");
    const { server, name } = ctx.resolve(args.at(-1), "instance");
    if (name.includes("/")) throw new CliError(`Instance snapshots cannot be rebuilt: ${name}`);
    const instance = await server.client.getInstance({ name });
    const image = args.length > 1 ? args[0] : instance.config["volatile.base_image"];
    if (!flags.empty && !image) throw new CliError("You need to specify an image name or use --empty");
    const source = flags.empty ? { type: "none" } : await imageSource(ctx, server, args.length > 1 ? (image ?? "") : `${server.remote}:${image}`);
    if (flags.force && instance.status_code !== statusCodes.Stopped) {
      await server.follow(await server.client.changeInstanceState({ name, body: { action: "stop", timeout: -1, force: true } }));
    }
    await server.follow(await server.client.rebuildInstance({ name, body: { source } }));
  },
});
