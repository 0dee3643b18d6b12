// berth image export
import { defineCommand } from "../../command.ts";
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
    const { server, name } = ctx.resolve(image);
    const { fingerprint } = await server.client.getImage({ fingerprint: await resolveAlias(server, name) });
    const response = await server.client.exportImage({ fingerprint });
    const { saveImage } = await import("./download.ts");
    await saveImage(ctx, response, fingerprint, target);
    ctx.say("Image exported successfully!");
  },
});
