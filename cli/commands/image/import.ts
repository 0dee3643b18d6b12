// berth image import
import { existsSync } from "node:fs";
import type { Alias } from "../../../server/api/images.ts";
import { defineCommand } from "../../command.ts";
import { CliError, prefixed } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";

export const imageImportCommand = defineCommand({
  name: "import",
  usage: "<tarball>|<directory> [<rootfs tarball>] [key=value...]",
  summary: "Import images into the image store",
  description: `Import image into the image store

Directory import must be performed as root.`,
  args: [1, -1],
  flags: {
    alias: { kind: "list", description: "New aliases to add to the image" },
    public: { kind: "bool", description: "Make image public" },
  },
  async run(ctx, args, flags) {
    const { files, properties, remote } = sortArguments(args);
    const { server } = ctx.resolve(remote);
    const [image, rootfs] = files;
    if (image === undefined) throw new CliError("Name the image file to import");
    if (/^https?:\/\//.test(image)) throw new CliError("Importing from a URL is not supported yet", { hint: "download the file, then import it." });
    const { uploadImage } = await import("./upload.ts");
    const fingerprint = await uploadImage(ctx, server, { image, rootfs, properties, isPublic: flags.public });
    ctx.say(`Image imported with fingerprint: ${fingerprint}`);
    await replaceAliases(server, flags.alias, fingerprint);
  },
});

/** `key=value` that is no file's name is a property; what ends with a colon is a remote. */
export function sortArguments(
  args: readonly string[], exists: (path: string) => boolean = existsSync,
): { files: string[]; properties: Record<string, string>; remote: string | undefined } {
  const files: string[] = [];
  let remote: string | undefined;
  const properties: Record<string, string> = {};
  for (const argument of args) {
    const equals = argument.indexOf("=");
    if (equals >= 0 && !exists(argument)) properties[argument.slice(0, equals).trim()] = argument.slice(equals + 1).trim();
    else if (argument.endsWith(":") && !exists(argument)) remote = argument;
    else files.push(argument);
  }
  if (files.length > 2) throw new CliError(`Too many files: ${files.slice(2).join(", ")}`);
  return { files, properties, remote };
}

/** Gives the aliases to the image; who had one of them loses it. */
async function replaceAliases(server: Server, names: readonly string[], target: string): Promise<void> {
  if (names.length === 0) return;
  const existing = (await server.client.listAliases({ recursion: "1" })) as Alias[];
  for (const name of names) {
    if (existing.some((alias) => alias.name === name)) {
      await server.client.deleteAlias({ name }).catch((error: unknown) => {
        throw prefixed(`Failed to remove alias ${name}`, error);
      });
    }
    await server.client.createAlias({ body: { name, description: "", target } }).catch((error: unknown) => {
      throw prefixed(`Failed to create alias ${name}`, error);
    });
  }
}
