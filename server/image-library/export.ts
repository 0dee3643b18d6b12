// An image's files as a reply: one file, or a form of two.
import { randomUUID } from "node:crypto";
import type { Context } from "../context.ts";
import { fileReply, multipartReply, type RawReply } from "../http/replies.ts";
import { downloadName } from "./filename.ts";
import type { ImageRecord } from "./store.ts";

export async function exportImage(ctx: Pick<Context, "images">, image: ImageRecord): Promise<RawReply> {
  const { meta, rootfs } = ctx.images.files(image);
  if (!rootfs) return fileReply(meta, await downloadName(image.fingerprint, meta));
  return multipartReply([
    { field: "metadata", name: await downloadName(`meta-${image.fingerprint}`, meta), file: meta },
    { field: "rootfs", name: await downloadName(image.fingerprint, rootfs), file: rootfs },
  ], randomUUID().replaceAll("-", ""));
}
