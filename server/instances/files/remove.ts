// Removing a file, a symbolic link, a FIFO or the like, or an empty directory.
import { rmdir, unlink } from "node:fs/promises";
import type { Requestor } from "../../api/events.ts";
import type { Context } from "../../context.ts";
import type { InstanceRecord } from "../store.ts";
import { instanceUrl } from "../view.ts";
import { withPlace } from "./entry.ts";
import { explained } from "./explain.ts";
import { withRoot } from "./root.ts";

/** Throws `file_not_found` or `file_refused`. */
export async function removeFile(ctx: Context, instance: InstanceRecord, guestPath: string, requestor: Requestor): Promise<void> {
  await explained(guestPath, () => withRoot(ctx, instance, (root) =>
    withPlace(root, guestPath, (place) => (place.stats().isDirectory() ? rmdir(place.path) : unlink(place.path)))));
  ctx.events.lifecycle({ action: "instance-file-deleted", source: instanceUrl(instance), requestor, context: { path: guestPath } }, instance.project);
}
