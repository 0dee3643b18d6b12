// berth image show and berth image edit
import { defineCommand } from "../../command.ts";
import { editDocument } from "../../edit.ts";
import { imagePutShape } from "../../output/shape.ts";
import { imagePutFrom } from "../../writable.ts";
import type { Image } from "../../../server/api/images.ts";
import { imageOf } from "./images-of.ts";
import { resolveAlias } from "./resolve.ts";

function writable({ auto_update, properties, public: isPublic, expires_at, profiles }: Image) {
  return { auto_update, properties, public: isPublic, expires_at, profiles };
}

export const imageShowCommand = defineCommand({
  name: "show",
  usage: "<image>",
  summary: "Show image properties",
  args: [1, 1],
  flags: { vm: { kind: "bool", description: "Query virtual machine images", hidden: true } },
  async run(ctx, [image]) {
    const { server, name } = ctx.resolve(image);
    ctx.show(writable(await imageOf(server, name)), imagePutShape);
  },
});

export const imageEditCommand = defineCommand({
  name: "edit",
  usage: "<image>",
  summary: "Edit image properties",
  examples: `berth image edit <image>
    Launch a text editor to edit the properties

berth image edit <image> < image.yaml
    Load the image properties from a YAML file`,
  args: [1, 1],
  async run(ctx, [image]) {
    const { server, name } = ctx.resolve(image);
    const fingerprint = await resolveAlias(server, name);
    await editDocument(ctx, server, {
      read: async () => writable(await server.client.getImage({ fingerprint })),
      shape: imagePutShape,
      help: `### This is a YAML representation of the image properties.
### Any line starting with a '# will be ignored.
###
### Each property is represented by a single line:
### An example would be:
###  description: My custom image`,
      parse: imagePutFrom,
      write: (body, headers) => server.client.replaceImage({ fingerprint, body, headers }),
    });
  },
});
