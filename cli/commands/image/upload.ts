// Sends the files of an image to the server.
import { spawn } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { ProgressLine, renderTransfer } from "../../progress.ts";
import type { Server } from "../../remotes/server.ts";
import { type FormFile, formContentType, formStream } from "./form.ts";

function statFile(path: string) {
  try {
    return statSync(path);
  } catch (cause) {
    throw new CliError(`open ${path}: no such file or directory`, { cause });
  }
}

export interface ImageUpload {
  /** A tarball, or a directory that is packed first. */
  image: string;
  rootfs: string | undefined;
  properties: Record<string, string>;
  isPublic: boolean;
}

/** Sends an image to the server; resolves to its fingerprint. */
export async function uploadImage(ctx: Context, server: Server, upload: ImageUpload): Promise<string> {
  if (!statFile(upload.image).isDirectory()) return uploadFiles(ctx, server, upload);
  const packed = await packDirectory(upload.image);
  try {
    return await uploadFiles(ctx, server, { ...upload, image: packed.path });
  } finally {
    packed.remove();
  }
}

async function uploadFiles(ctx: Context, server: Server, { image, rootfs, properties, isPublic }: ImageUpload): Promise<string> {
  const files: FormFile[] = [{ field: "metadata", path: image }, ...(rootfs === undefined ? [] : [{ field: "rootfs", path: rootfs }])];
  const total = files.reduce((sum, file) => sum + statFile(file.path).size, 0);
  const progress = new ProgressLine(ctx.globals.quiet);
  try {
    const bytes = rootfs === undefined ? createReadStream(image, { highWaterMark: 1 << 20 }) : formStream(files);
    const operation = await server.client.createImage({
      headers: {
        "content-type": rootfs === undefined ? "application/octet-stream" : formContentType,
        "x-lxd-filename": encodeHeader(basename(image)),
        ...(isPublic ? { "x-lxd-public": "true" } : {}),
        ...(Object.keys(properties).length > 0 ? { "x-lxd-properties": new URLSearchParams(properties).toString() } : {}),
      },
      body: counted(bytes, total, (text) => progress.update(`Transferring image: ${text}`)),
    });
    progress.done();
    const done = await server.follow(operation, "Transferring image: ");
    return String(done.metadata?.["fingerprint"]);
  } finally {
    progress.done();
  }
}

/** A file's name may hold anything; a header may not hold line breaks. */
const encodeHeader = (name: string) => name.replace(/[\r\n\0]/g, "_");

/** Tells now and then how much has passed, how fast, and when the rest will have; `total` is 0 when nobody knows. */
export async function* counted(bytes: AsyncIterable<Uint8Array>, total: number, show: (text: string) => void): AsyncGenerator<Uint8Array> {
  const start = performance.now();
  let [sent, shown] = [0, 0];
  for await (const part of bytes) {
    yield part;
    sent += part.length;
    const now = performance.now();
    if (now - shown < 100) continue;
    shown = now;
    show(renderTransfer(sent, total, (now - start) / 1000));
  }
}

/** Packs an image that lies unpacked in a directory. */
async function packDirectory(path: string): Promise<{ path: string; remove(): void }> {
  if (process.geteuid?.() !== 0) throw new CliError("Must run as root to import from directory");
  const folder = mkdtempSync(join(tmpdir(), "berth_image_"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const file = join(folder, "image.tar.gz");
  // A root file system by itself is packed as it is: the server makes up what there is no metadata.yaml for.
  const isImage = existsSync(join(path, "metadata.yaml"));
  const parts = isImage ? ["rootfs", "templates", "metadata.yaml"].filter((name) => existsSync(join(path, name))) : ["."];
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
