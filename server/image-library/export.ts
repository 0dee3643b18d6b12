// An image's files as a reply: one file, or a form of two; whole, or the part that was asked for.
import type { Context } from "../context.ts";
import { fileReply, multipartReply, type RawReply } from "../http/replies.ts";
import { downloadName } from "./filename.ts";
import type { ImageRecord } from "./store.ts";

export async function exportImage(ctx: Pick<Context, "images">, image: ImageRecord, range?: string): Promise<RawReply> {
  const { meta, rootfs } = ctx.images.files(image);
  if (!rootfs) return fileReply(meta, await downloadName(image.fingerprint, meta), range);
  // The boundary is always the same, so that a download can go on.
  return multipartReply([
    { field: "metadata", name: await downloadName(`meta-${image.fingerprint}`, meta), file: meta },
    { field: "rootfs", name: await downloadName(image.fingerprint, rootfs), file: rootfs },
  ], image.fingerprint.slice(0, 60), range);
}
