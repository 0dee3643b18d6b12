// berth image get-property, set-property and unset-property
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";
import { findImage } from "./source.ts";

/** Changes the properties of an image as they are now; what somebody else changed meanwhile is not undone. */
async function changeProperties(server: Server, image: string, change: (properties: Record<string, string>) => Record<string, string>): Promise<void> {
  const fingerprint = await findImage(server, image);
  const { value, headers } = await server.readForChange(() => server.client.getImage({ fingerprint }));
  const { auto_update, public: isPublic, expires_at, profiles } = value;
  const body = { auto_update, public: isPublic, expires_at, profiles, properties: change({ ...value.properties }) };
  await server.client.replaceImage({ fingerprint, body, headers });
}

export const imageGetPropertyCommand = defineCommand({
  name: "get-property",
  usage: "<image> <key>",
  summary: "Get image properties",
  args: [2, 2],
  async run(ctx, [image, key = ""]) {
    const { server, name } = ctx.resolve(image, "image");
    const { properties } = await server.client.getImage({ fingerprint: await findImage(server, name) });
    if (!Object.hasOwn(properties, key)) throw new CliError("Property not found", { hint: `berth image info ${name} shows those it has.` });
    ctx.print(properties[key] ?? "");
  },
});

export const imageSetPropertyCommand = defineCommand({
  name: "set-property",
  usage: "<image> <key> <value>",
  summary: "Set image properties",
  args: [3, 3],
  async run(ctx, [image, key = "", value = ""]) {
    const { server, name } = ctx.resolve(image, "image");
    await changeProperties(server, name, (properties) => ({ ...properties, [key]: value }));
  },
});

export const imageUnsetPropertyCommand = defineCommand({
  name: "unset-property",
  usage: "<image> <key>",
  summary: "Unset image properties",
  args: [2, 2],
  async run(ctx, [image, key = ""]) {
    const { server, name } = ctx.resolve(image, "image");
    await changeProperties(server, name, ({ [key]: removed, ...others }) => {
      if (removed === undefined) throw new CliError("Property not found", { hint: `berth image info ${name} shows those it has.` });
      return others;
    });
  },
});
