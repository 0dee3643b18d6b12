// Images as clients see them, and as they name them in requests.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Image } from "../api/images.ts";
import { zeroTime } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { urlIn } from "../projects/url.ts";
import type { AliasRecord, ImageRecord } from "./store.ts";

type Named = Pick<ImageRecord, "project" | "fingerprint">;

/** The URL of an image, in its project. */
export function imageUrl({ project, fingerprint }: Named): string {
  return urlIn(project, `/1.0/images/${fingerprint}`);
}

/** Tells those who listen what happened to an image. */
export function tellImage(ctx: Pick<Context, "events">, action: string, image: Named, requestor?: Requestor, context?: Record<string, unknown>): void {
  ctx.events.lifecycle({ action: `image-${action}`, source: imageUrl(image), ...(requestor ? { requestor } : {}), ...(context ? { context } : {}) }, image.project);
}

function formatTime(ms: number): string {
  return ms > 0 ? new Date(ms).toISOString() : zeroTime;
}

/** Milliseconds since the epoch; undefined when none was given. Throws `bad_body`. */
export function parseTime(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw fail("bad_body", { reason: `expires_at "${text}" is no RFC 3339 time` });
  return Math.max(0, ms);
}

/** An image with its aliases. */
export function viewImage(image: ImageRecord, aliases: readonly AliasRecord[]): Image {
  return {
    auto_update: image.autoUpdate, properties: image.properties, public: image.public, expires_at: formatTime(image.expiresAt),
    profiles: image.profiles, architecture: image.architecture, cached: image.cached, filename: image.filename,
    aliases: aliases.map(({ name, description }) => ({ name, description })),
    fingerprint: image.fingerprint, size: image.size, type: "container", created_at: formatTime(image.createdAt),
    last_used_at: formatTime(image.lastUsedAt), uploaded_at: formatTime(image.uploadedAt),
    ...(image.source ? { update_source: { ...image.source, image_type: "container" } } : {}),
  };
}

/** A project's images. */
export function viewImages({ store }: Context["images"], project: string): Image[] {
  const aliases = groupByTarget(store.listAliases(project));
  return store.list(project).map((image) => viewImage(image, aliases.get(image.fingerprint) ?? []));
}

function groupByTarget(all: readonly AliasRecord[]): Map<string, AliasRecord[]> {
  const groups = new Map<string, AliasRecord[]>();
  for (const alias of all) {
    const group = groups.get(alias.target);
    if (group) group.push(alias);
    else groups.set(alias.target, [alias]);
  }
  return groups;
}
