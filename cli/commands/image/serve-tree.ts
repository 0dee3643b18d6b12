// berth image serve-tree
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Image } from "../../../server/api/images.ts";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { callImageTool } from "../../image-tools.ts";
import { resolveAlias } from "./resolve.ts";

interface TreeImage {
  files: string[];
  aliases: string[];
  properties?: Record<string, string>;
}

interface TreeReport {
  fingerprint: string;
  product: string;
  version: string;
  aliases: string[];
}

const rootNames = ["rootfs.squashfs", "rootfs.tar.xz", "rootfs.tar.zst", "rootfs.tar.gz", "rootfs.tar"];

/** The files of an image on this machine: what `image build --output` has written, or one file. */
function filesAt(path: string): string[] {
  if (!statSync(path).isDirectory()) return [resolve(path)];
  const metadata = join(path, "metadata.tar.xz");
  const root = rootNames.map((name) => join(path, name)).find((file) => existsSync(file));
  if (!existsSync(metadata) || root === undefined) throw new CliError(`${path} holds no metadata.tar.xz with a rootfs beside it`);
  return [resolve(metadata), resolve(root)];
}

/** `alias=path` and `path` are files of this machine. */
function localImage(argument: string): TreeImage | undefined {
  const [, alias, path = argument] = /^([^=]*)=(.+)$/.exec(argument) ?? [];
  if (!existsSync(path)) return undefined;
  return { files: filesAt(path), aliases: alias ? [alias] : [] };
}

async function fetchInto(ctx: Context, folder: string, argument: string): Promise<TreeImage> {
  const { fetchImage } = await import("./fetch.ts");
  const { server, name } = ctx.resolve(argument);
  const { fingerprint, aliases, properties } = await server.client.getImage({ fingerprint: await resolveAlias(server, name) });
  const { meta, rootfs } = await fetchImage(ctx, `${server.remote}:${fingerprint}`, join(folder, fingerprint));
  return { files: rootfs === undefined ? [meta] : [meta, rootfs], aliases: aliases.map((alias) => alias.name), properties };
}

/** All images of the server that everybody may have. */
async function publicImages(ctx: Context): Promise<string[]> {
  const { server } = ctx.resolve();
  const images = (await server.client.listImages({ recursion: "1" })) as Image[];
  return images.filter((image) => image.public).map((image) => `${server.remote}:${image.fingerprint}`);
}

export const imageServeTreeCommand = defineCommand({
  name: "serve-tree",
  usage: "<directory> [<image>...]",
  summary: "Write a static simplestreams tree of images",
  description: `Write a static simplestreams tree of images

Adds images to a tree, or makes one, which any web server can serve over https.
Others then use it as a remote: remote add NAME https://... --protocol simplestreams.

An image is one of a server, or files of this machine: a folder that image build
--output has written, or a unified tarball, as ALIAS=PATH. Without images the
tree gets all public ones of the server.

With --listen the tree is served right away, until Ctrl-C: for tests and small sites.`,
  examples: `berth image serve-tree /srv/images debian/12 web=./web-image
    Add an image of the server, and one from files

berth image serve-tree /srv/images --listen :8444 --certificate site.crt --key site.key
    Serve the tree over https`,
  args: [1, -1],
  flags: {
    keep: { kind: "int", default: 2, description: "How many versions of each image stay in the tree" },
    listen: { kind: "string", description: "Serve the tree over https at this address ([host]:port)" },
    certificate: { kind: "string", description: "The server's certificate (PEM), for --listen" },
    key: { kind: "string", description: "The certificate's key (PEM), for --listen" },
  },
  async run(ctx, [directory = "", ...wanted], flags) {
    if (flags.keep < 1) throw new CliError("At least one version has to stay: --keep 1");
    if (flags.listen && (!flags.certificate || !flags.key)) throw new CliError("--listen needs --certificate and --key", { hint: "clients take simplestreams over https only." });
    const folder = resolve(directory);
    mkdirSync(folder, { recursive: true });
    const hasTree = existsSync(join(folder, "streams/v1/index.json"));
    const names = wanted.length > 0 || (flags.listen && hasTree) ? wanted : await publicImages(ctx);
    const incoming = mkdtempSync(join(folder, ".incoming-"));
    try {
      const images: TreeImage[] = [];
      for (const name of names) images.push(localImage(name) ?? (await fetchInto(ctx, incoming, name)));
      const reports = await callImageTool<TreeReport[]>("tree", { folder, images, keep: flags.keep });
      for (const { fingerprint, aliases, product, version } of reports) ctx.say(`${fingerprint.slice(0, 12)} ${product} ${version}: ${aliases.join(", ")}`);
    } finally {
      rmSync(incoming, { recursive: true, force: true });
    }
    if (!flags.listen) return;
    const { serveTree } = await import("./tree-server.ts");
    await serveTree(folder, flags.listen, { cert: readFileSync(flags.certificate), key: readFileSync(flags.key) }, (line) => ctx.say(line));
  },
});
