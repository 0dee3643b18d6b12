// berth image import
import { existsSync } from "node:fs";
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";
import { reuseFlag, takeAliases } from "./aliases.ts";

export const imageImportCommand = defineCommand({
  name: "import",
  usage: "<tarball>|<directory> [<rootfs tarball>] [key=value...]",
  summary: "Import images into the image store",
  description: `Import image into the image store

An image is a tarball with metadata.yaml and rootfs/, or a tarball of metadata with
a root file system beside it (tarball or squashfs), a directory with the same, or an
https:// URL. A root file system by itself will do: what it lacks of metadata is
made up from its /etc/os-release.

Directory import must be performed as root.`,
  args: [1, -1],
  flags: {
    alias: { kind: "list", description: "New aliases to add to the image" },
    public: { kind: "bool", description: "Make image public" },
    reuse: reuseFlag,
  },
  async run(ctx, args, flags) {
    const { files, properties, remote } = sortArguments(args);
    const { server } = ctx.resolve(remote);
    const [image, rootfs] = files;
    if (image === undefined) throw new CliError("Name the image file to import");
    if (/^https?:\/\//.test(image)) {
      const fingerprint = await importFrom(server, image, properties, flags.public);
      ctx.say(`Image imported with fingerprint: ${fingerprint}`);
      return takeAliases(server, flags, fingerprint);
    }
    const { uploadImage } = await import("./upload.ts");
    const fingerprint = await uploadImage(ctx, server, { image, rootfs, properties, isPublic: flags.public });
    ctx.say(`Image imported with fingerprint: ${fingerprint}`);
    await takeAliases(server, flags, fingerprint);
  },
});

/** The server downloads it, from where the URL's own server says. */
async function importFrom(server: Server, url: string, properties: Record<string, string>, isPublic: boolean): Promise<string> {
  if (url.startsWith("http:")) throw new CliError("Only https:// is supported for remote image import");
  const body = { source: { type: "url", mode: "pull", url }, public: isPublic, ...(Object.keys(properties).length > 0 ? { properties } : {}) };
  const operation = await server.client.createImage({ headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return String((await server.follow(operation, "Transferring image: ")).metadata?.["fingerprint"]);
}

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
