// berth image copy
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { replaceAliases } from "./aliases.ts";
import { imageOf } from "./images-of.ts";

export const imageCopyCommand = defineCommand({
  name: "copy",
  aliases: ["cp"],
  usage: "<image> <remote>:",
  summary: "Copy images between servers",
  description: `Copy images between servers

The auto-update flag instructs the server to keep this image up to date.
It requires the source to be an alias and for it to be public.

In mode pull the target fetches the image from the source, in push the source
sends it, and in relay it passes through this client, which reaches both.`,
  args: [2, 2],
  flags: {
    alias: { kind: "list", description: "New aliases to add to the image" },
    "auto-update": { kind: "bool", description: "Keep the image up to date after initial copy" },
    "copy-aliases": { kind: "bool", description: "Copy aliases from source" },
    mode: { kind: "string", description: "Transfer mode: pull (default), push or relay" },
    public: { kind: "bool", description: "Make image public" },
    "target-project": { kind: "string", description: "Copy to a project different from the source" },
    vm: { kind: "bool", description: "Copy virtual machine images", hidden: true },
  },
  async run(ctx, [source, target], flags) {
    const { server: from, name: given } = ctx.resolve(source);
    const { server: to, name: extra } = ctx.resolve(target);
    if (extra !== "") throw new CliError("Can't provide a name for the target image", { hint: "write the remote with a colon (server:), and name the image with --alias." });
    const isNameEnough = from.isSimplestreams && !flags["copy-aliases"];
    const image = isNameEnough ? undefined : await imageOf(from, given);
    const name = from.isPublic ? given || "default" : (image?.fingerprint ?? given);
    const { transferImage } = await import("./transfer.ts");
    const project = flags["target-project"] || undefined;
    const fingerprint = await transferImage(ctx, { from, to, name, mode: flags.mode, autoUpdate: flags["auto-update"], isPublic: flags.public, project });
    ctx.say("Image copied successfully!");
    await replaceAliases(to, [...flags.alias, ...(flags["copy-aliases"] ? (image?.aliases ?? []).map((alias) => alias.name) : [])], fingerprint, project);
  },
});
