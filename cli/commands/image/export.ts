// berth image export
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
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
    if (server.isSimplestreams) throw new CliError(`"${server.remote}" is a server of another protocol`, { hint: `copy the image first: berth image copy ${server.remote}:${name} ${ctx.defaultRemote}:` });
    const { fingerprint } = await server.client.getImage({ fingerprint: await resolveAlias(server, name) });
    const response = await server.client.exportImage({ fingerprint });
    const { saveImage } = await import("./download.ts");
    await saveImage(ctx, response, fingerprint, target);
    ctx.say("Image exported successfully!");
  },
});
