// Brings an image's files to this machine, for what is made of them here.
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../../context.ts";
import { saveImage } from "./download.ts";
import { resolveAlias } from "./resolve.ts";

/** Writes the files of an image into `folder`, a new one. */
export async function fetchImage(ctx: Context, name: string, folder: string): Promise<{ meta: string; rootfs?: string }> {
  const { server, name: image } = ctx.resolve(name);
  const { fingerprint } = await server.client.getImage({ fingerprint: await resolveAlias(server, image) });
  mkdirSync(folder, { recursive: true });
  await saveImage(ctx, await server.client.exportImage({ fingerprint }), fingerprint, folder);
  const names = readdirSync(folder);
  const meta = names.find((file) => file.startsWith("meta-")) ?? names[0] ?? "";
  const rootfs = names.find((file) => file !== meta);
  return { meta: join(folder, meta), ...(rootfs === undefined ? {} : { rootfs: join(folder, rootfs) }) };
}
