// Sending an image to another server, which has given a token for it.
import { Readable } from "node:stream";
import type { Requestor } from "../api/events.ts";
import { fail } from "../api/errors.ts";
import type { ImageExportPost } from "../api/images.ts";
import type { Operation as OperationView } from "../api/operations.ts";
import { Progress } from "../../images/progress.ts";
import type { Context } from "../context.ts";
import { multipartReply, fileReply } from "../http/replies.ts";
import type { Operation } from "../operations/operation.ts";
import { proxiesOf, proxyFor } from "../remotes/proxy.ts";
import { ServerClient } from "../remotes/server-client.ts";
import type { ImageRecord } from "./store.ts";
import { tellImage } from "./view.ts";

export async function pushImage(ctx: Context, image: ImageRecord, { target, secret, certificate, project, profiles }: ImageExportPost, operation: Operation, requestor: Requestor): Promise<void> {
  const client = new ServerClient({ url: target, certificate, proxy: proxyFor(new URL(target), proxiesOf(ctx.settings.all())) });
  const query = project ? `?project=${encodeURIComponent(project)}` : "";
  const { meta, rootfs } = ctx.images.files(image); // they are opened here: whoever deletes the image does not take them away
  const { headers, body } = rootfs
    ? await multipartReply([{ field: "metadata", name: image.filename || image.fingerprint, file: meta }, { field: "rootfs", name: image.filename || `${image.fingerprint}.rootfs`, file: rootfs }], image.fingerprint)
    : await fileReply(meta, image.fingerprint);
  const progress = new Progress((text) => operation.update({ upload_progress: `Image push: ${text}` }), Number(headers["content-length"]));
  const { id, metadata } = await client.call<OperationView>(`/1.0/images${query}`, {
    method: "POST", body: counted(body, progress), signal: operation.signal,
    headers: {
      "content-type": headers["content-type"] ?? "", "content-length": headers["content-length"] ?? "", "x-lxd-fingerprint": image.fingerprint, "x-lxd-secret": secret,
      "x-lxd-filename": image.filename.replace(/[^\x20-\x7e]/g, "_"),
      ...(profiles ? { "x-lxd-profiles": String(new URLSearchParams(profiles.map((name): [string, string] => ["profile", name]))) } : {}),
    },
  });
  const wait = new URLSearchParams({ timeout: "-1", secret: String(metadata?.["secret"] ?? "") });
  const ended = await client.call<OperationView>(`/1.0/operations/${id}/wait?${wait}`, { signal: operation.signal, idleTimeout: 3_600_000 });
  if (ended.status_code !== 200) throw fail("remote_refused", { url: target, reason: ended.err || ended.status });
  tellImage(ctx, "retrieved", image, requestor, { target });
}

function counted(body: Readable | Buffer, progress: Progress): Readable {
  async function* pieces(): AsyncGenerator<Buffer> {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      progress.add(chunk.length);
      yield chunk;
    }
  }
  return Readable.from(pieces(), { objectMode: false });
}
