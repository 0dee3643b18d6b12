// berth image build
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { callImageTool } from "../../image-tools.ts";
import { formatSize } from "../../output/units.ts";
import { replaceAliases } from "./aliases.ts";

interface Checked {
  file: string;
  /** The image that the recipe begins with. */
  image?: string;
  remote?: string;
}

interface Built {
  images: { format: string; files: string[]; fingerprint: string; size: number }[];
}

/** Where work in progress is done: a disk, not memory. */
const temporaryFolder = () => process.env["TMPDIR"] || "/var/tmp";

/** Fetches the image that a recipe begins with; its files lie in `folder` then. */
async function fetchBase(ctx: Context, { image, remote }: Checked, folder: string): Promise<{ meta: string; rootfs?: string } | undefined> {
  if (image === undefined) return undefined;
  const { fetchImage } = await import("./fetch.ts");
  return fetchImage(ctx, remote === undefined ? image : `${remote}:${image}`, folder);
}

export const imageBuildCommand = defineCommand({
  name: "build",
  usage: "<recipe> [<remote>:]",
  summary: "Build an image from a recipe",
  description: `Build an image from a recipe

A recipe is a YAML file: what the image begins with (a Debian or Ubuntu, a
tarball, another image), packages, files and commands. images/recipes/reference.md
tells all that it may say. Recipes that come with Berth go by their names:
debian/12, debian/12/cloud, debian/13, busybox.

The image is imported into the server (REMOTE:, when one is named), or its
files are written to a folder (--output). The same recipe and the same archive of packages make the same image.
Root is needed: commands of a recipe run as root, in namespaces of their own.`,
  examples: `berth image build debian/12 --alias debian/12
    Build Debian 12 and import it

berth image build web.yaml --output images/
    Build an image from a recipe of your own, and write its files to a folder`,
  args: [1, 2],
  flags: {
    output: { kind: "string", short: "o", description: "Write the image's files to this folder instead of importing it" },
    alias: { kind: "list", description: "New aliases to add to the image" },
    public: { kind: "bool", description: "Make image public" },
    package: { kind: "list", description: "Install this package, too" },
  },
  async run(ctx, [recipe = "", remote], flags) {
    if (process.geteuid?.() !== 0) throw new CliError("Building an image takes root: it makes files of all owners, mounts and namespaces", { hint: "run it with sudo." });
    if (flags.output && (flags.alias.length > 0 || flags.public)) throw new CliError("--alias and --public are for images that are imported: not with --output");
    const { server, name } = ctx.resolve(remote);
    if (name !== "") throw new CliError(`"${remote}" is not a remote`, { hint: "write its name with a colon: server:" });
    const checked = await callImageTool<Checked>("check", { recipe: existsSync(recipe) ? resolve(recipe) : recipe });
    const temporary = temporaryFolder();
    if (!existsSync(temporary) || !statSync(temporary).isDirectory()) throw new CliError(`There is no folder ${temporary} to work in`, { hint: "set TMPDIR to one." });
    const isWanted = !flags.output || checked.image !== undefined;
    const folder = isWanted ? mkdtempSync(join(temporary, "berth-image-")) : "";
    try {
      const output = flags.output ? resolve(flags.output) : join(folder, "image");
      const base = await fetchBase(ctx, checked, join(folder, "base"));
      const { images } = await callImageTool<Built>("build", { recipe: checked.file, output, temporary, packages: flags.package, base }, { isolated: true, quiet: ctx.globals.quiet });
      if (flags.output) {
        for (const { files, fingerprint, size } of images) ctx.say(`${files.map((name) => join(flags.output, name)).join(" ")}: ${formatSize(size)}, ${fingerprint}`);
        return;
      }
      const [first] = images;
      if (!first) throw new CliError("The recipe makes no image");
      const { uploadImage } = await import("./upload.ts");
      const [image = "", rootfs] = first.files.map((name) => join(output, name));
      const fingerprint = await uploadImage(ctx, server, { image, rootfs, properties: {}, isPublic: flags.public });
      ctx.say(`Image imported with fingerprint: ${fingerprint}`);
      await replaceAliases(server, flags.alias, fingerprint);
    } finally {
      if (isWanted) rmSync(folder, { recursive: true, force: true });
    }
  },
});
