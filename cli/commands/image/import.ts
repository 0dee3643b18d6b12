// berth image import
import { spawn } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Alias } from "../../../server/api/images.ts";
import { defineCommand } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError, prefixed } from "../../errors.ts";
import { formatSize } from "../../output/units.ts";
import { ProgressLine } from "../../progress.ts";
import { type FormFile, formContentType, formStream } from "./form.ts";

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
    const { files, properties } = sortArguments(args);
    const [image, rootfs] = files;
    if (image === undefined) throw new CliError("Name the image file to import");
    if (/^https?:\/\//.test(image)) throw new CliError("Importing from a URL is not supported yet", { hint: "download the file, then import it." });
    const packed = statFile(image).isDirectory() ? await packDirectory(image) : undefined;
    try {
      const fingerprint = await upload(ctx, packed?.path ?? image, rootfs, properties, flags.public);
      ctx.say(`Image imported with fingerprint: ${fingerprint}`);
      await replaceAliases(ctx, flags.alias, fingerprint);
    } finally {
      packed?.remove();
    }
  },
});

/** `key=value` that is no file's name is a property. */
export function sortArguments(args: readonly string[], exists: (path: string) => boolean = existsSync): { files: string[]; properties: Record<string, string> } {
  const files: string[] = [];
  const properties: Record<string, string> = {};
  for (const argument of args) {
    const equals = argument.indexOf("=");
    if (equals >= 0 && !exists(argument)) properties[argument.slice(0, equals).trim()] = argument.slice(equals + 1).trim();
    else if (argument !== "local:") files.push(argument);
  }
  if (files.length > 2) throw new CliError(`Too many files: ${files.slice(2).join(", ")}`);
  return { files, properties };
}

function statFile(path: string) {
  try {
    return statSync(path);
  } catch (cause) {
    throw new CliError(`open ${path}: no such file or directory`, { cause });
  }
}

async function upload(ctx: Context, image: string, rootfs: string | undefined, properties: Record<string, string>, isPublic: boolean): Promise<string> {
  const files: FormFile[] = [{ field: "metadata", path: image }, ...(rootfs === undefined ? [] : [{ field: "rootfs", path: rootfs }])];
  const total = files.reduce((sum, file) => sum + statFile(file.path).size, 0);
  const progress = new ProgressLine(ctx.globals.quiet);
  try {
    const bytes = rootfs === undefined ? createReadStream(image, { highWaterMark: 1 << 20 }) : formStream(files);
    const operation = await ctx.client.createImage({
      headers: {
        "content-type": rootfs === undefined ? "application/octet-stream" : formContentType,
        "x-lxd-filename": encodeHeader(basename(image)),
        ...(isPublic ? { "x-lxd-public": "true" } : {}),
        ...(Object.keys(properties).length > 0 ? { "x-lxd-properties": new URLSearchParams(properties).toString() } : {}),
      },
      body: counted(bytes, (sent, rate) => progress.update(`Transferring image: ${Math.min(100, Math.floor((sent / total) * 100))}% (${formatSize(rate)}/s)`)),
    });
    progress.done();
    const done = await ctx.follow(operation, "Transferring image: ");
    return String(done.metadata?.["fingerprint"]);
  } finally {
    progress.done();
  }
}

/** A file's name may hold anything; a header may not hold line breaks. */
const encodeHeader = (name: string) => name.replace(/[\r\n\0]/g, "_");

async function* counted(bytes: AsyncIterable<Uint8Array>, show: (sent: number, rate: number) => void): AsyncGenerator<Uint8Array> {
  const start = performance.now();
  let [sent, shown] = [0, 0];
  for await (const part of bytes) {
    yield part;
    sent += part.length;
    const now = performance.now();
    if (now - shown < 100) continue;
    shown = now;
    show(sent, Math.floor(sent / ((now - start) / 1000)));
  }
}

/** Gives the aliases to the image; who had one of them loses it. */
async function replaceAliases(ctx: Context, names: readonly string[], target: string): Promise<void> {
  if (names.length === 0) return;
  const existing = (await ctx.client.listAliases({ recursion: "1" })) as Alias[];
  for (const name of names) {
    if (existing.some((alias) => alias.name === name)) {
      await ctx.client.deleteAlias({ name }).catch((error: unknown) => {
        throw prefixed(`Failed to remove alias ${name}`, error);
      });
    }
    await ctx.client.createAlias({ body: { name, description: "", target } }).catch((error: unknown) => {
      throw prefixed(`Failed to create alias ${name}`, error);
    });
  }
}

/** Packs an image that lies unpacked in a directory. */
async function packDirectory(path: string): Promise<{ path: string; remove(): void }> {
  if (process.geteuid?.() !== 0) throw new CliError("Must run as root to import from directory");
  const folder = mkdtempSync(join(tmpdir(), "berth_image_"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const file = join(folder, "image.tar.gz");
  const parts = ["rootfs", "templates", "metadata.yaml"].filter((name) => existsSync(join(path, name)));
  try {
    await runTar(["-C", path, "--numeric-owner", "--restrict", "--force-local", "--xattrs", "-czf", file, ...parts]);
  } catch (error) {
    remove();
    throw error;
  }
  return { path: file, remove };
}

function runTar(args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const tar = spawn("tar", args, { stdio: ["ignore", "ignore", "inherit"] });
    tar.on("error", (cause) => reject(new CliError("tar was not found on this machine", { hint: "apt install tar", cause })));
    tar.on("close", (code) => (code === 0 ? resolve() : reject(new CliError(`tar failed with status ${code}`))));
  });
}
