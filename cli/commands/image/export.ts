// berth image export
import { defineCommand } from "../../command.ts";
import { stripRemote } from "../../remote.ts";
import { resolveAlias } from "./resolve.ts";

export const imageExportCommand = defineCommand({
  name: "export",
  usage: "<image> [<target>]",
  summary: "Export and download images",
  description: `Export and download images

The output target is optional and defaults to the working directory.`,
  args: [1, 2],
  flags: { vm: { kind: "bool", description: "Query virtual machine images", hidden: true } },
  async run(ctx, [image, target = "."]) {
    const fingerprint = (await ctx.client.getImage({ fingerprint: await resolveAlias(ctx, stripRemote(image ?? "")) })).fingerprint;
    const response = await ctx.client.exportImage({ fingerprint });
    const { saveImage } = await import("./download.ts");
    await saveImage(ctx, response, fingerprint, target);
    ctx.say("Image exported successfully!");
  },
});
