// Fetching an image from another server, unless it is here already.
import { fail, isCode } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Config } from "../api/schemas.ts";
import { formatBytes, Progress } from "../../images/progress.ts";
import type { Context } from "../context.ts";
import { proxiesOf } from "../remotes/proxy.ts";
import { findByUrl } from "./fetch/direct.ts";
import { findOnLxd } from "./fetch/lxd.ts";
import type { FetchContext, FoundImage } from "./fetch/server.ts";
import { findOnSimplestreams } from "./fetch/simplestreams.ts";
import type { ImageOptions } from "./library.ts";
import { imageSetting } from "./settings.ts";
import type { ImageRecord, ImageSource } from "./store.ts";
import { tellImage } from "./view.ts";

/** What is to be fetched, and what it is to be here. */
export interface Wanted {
  project: string;
  server: string;
  /** lxd (also by an empty one), simplestreams or direct. */
  protocol: string;
  /** Alias or fingerprint. */
  name: string;
  certificate?: string;
  secret?: string;
  /** On the other server. */
  sourceProject?: string;
  options: Pick<ImageOptions, "public" | "profiles"> & Partial<Pick<ImageOptions, "filename" | "autoUpdate" | "cached" | "aliases">> & { moreProperties?: Config };
  /** An image that was fetched by this name and is kept up to date will do. */
  preferKept?: boolean;
}

/** Whoever waits for it: an operation. */
export interface Waiting {
  readonly signal: AbortSignal;
  update(metadata: Record<string, unknown>): void;
}

/** How LXD's clients name the protocol in use. */
const protocolOf = (wanted: Pick<Wanted, "protocol">) => (wanted.protocol === "" || wanted.protocol === "incus" ? "lxd" : wanted.protocol);

/** Throws `bad_request` for a protocol that there is none of, or an address that is none. */
export function checkWanted(wanted: Pick<Wanted, "protocol" | "server">): void {
  if (!["lxd", "simplestreams", "direct"].includes(protocolOf(wanted))) throw fail("bad_request", { reason: `Unsupported protocol: ${wanted.protocol.slice(0, 40)}` });
  if (!URL.canParse(wanted.server) || !/^https?:$/.test(new URL(wanted.server).protocol)) throw fail("bad_request", { reason: `"${wanted.server.slice(0, 200)}" is no URL of a server` });
}

export function fetchContext(ctx: Pick<Context, "paths" | "settings" | "projects">, project: string, signal: AbortSignal): FetchContext {
  return { proxies: proxiesOf(ctx.settings.all()), signal, cache: ctx.paths.cache, architecture: imageSetting(ctx, project, "images.default_architecture") };
}

/** What the server has by that name now. */
export function findRemote(wanted: Wanted, context: FetchContext): Promise<FoundImage> {
  const { server, name } = wanted;
  switch (protocolOf(wanted)) {
    case "simplestreams": return findOnSimplestreams(server, name, context);
    case "direct": return findByUrl(server, context);
    default: return findOnLxd({ url: server, certificate: wanted.certificate ?? "", secret: wanted.secret ?? "", project: wanted.sourceProject ?? "" }, name, context);
  }
}

/** Where an image can be fetched anew from; undefined when it was named by its fingerprint, which never means another. */
function sourceOf(wanted: Wanted, found: FoundImage): ImageSource | undefined {
  const { server, certificate = "", name } = wanted;
  return found.fingerprint.startsWith(name) || protocolOf(wanted) === "direct" ? undefined : { server, protocol: protocolOf(wanted), certificate, alias: name };
}

/** Fetches an image and gives its record; several who want the same one share the download. */
export async function fetchImage(ctx: Context, wanted: Wanted, waiting: Waiting, requestor?: Requestor): Promise<ImageRecord> {
  const kept = wanted.preferKept ? findKept(ctx, wanted) : undefined;
  if (kept) return kept;
  const found = await findRemote(wanted, fetchContext(ctx, wanted.project, waiting.signal));
  return fetchFound(ctx, wanted, found, waiting, requestor);
}

function findKept(ctx: Context, wanted: Wanted): ImageRecord | undefined {
  if (Number(imageSetting(ctx, wanted.project, "images.auto_update_interval")) <= 0) return undefined;
  const kept = ctx.images.store.findFetched(wanted.project, { server: wanted.server, protocol: protocolOf(wanted), alias: wanted.name });
  return kept?.autoUpdate ? kept : undefined;
}

/** The same for what is found already. */
export async function fetchFound(ctx: Context, wanted: Wanted, found: FoundImage, waiting: Waiting, requestor?: Requestor): Promise<ImageRecord> {
  const { store } = ctx.images;
  const { project } = wanted;
  const source = sourceOf(wanted, found);
  const options: ImageOptions = {
    filename: found.filename, ...wanted.options, project, expected: found.fingerprint, properties: found.properties, source,
    autoUpdate: source !== undefined && (wanted.options.autoUpdate ?? false),
    ...(found.createdAt ? { createdAt: found.createdAt } : {}), ...(found.expiresAt ? { expiresAt: found.expiresAt } : {}),
  };
  const created = (image: ImageRecord) => {
    tellImage(ctx, "created", image, requestor, { type: "container" });
    return image;
  };
  while (!store.has(project, found.fingerprint)) {
    try {
      const elsewhere = store.findAnywhere(found.fingerprint);
      if (elsewhere) return created(await ctx.images.share(elsewhere, options));
      let made: ImageRecord | undefined;
      await ctx.images.downloads.join(found.fingerprint, waiting.signal, (metadata) => waiting.update(metadata), async (signal, tell) => {
        made = await download(ctx, found, options, signal, tell);
      });
      if (made) return created(made);
    } catch (error) {
      if (!isCode(error, "image_exists")) throw error; // somebody else has brought it meanwhile
    }
  }
  return adjust(ctx, store.get(project, found.fingerprint), options);
}

/** An image that is here already gets what the request adds to it. */
function adjust(ctx: Context, image: ImageRecord, { cached, moreProperties, public: isPublic, aliases = [] }: ImageOptions): ImageRecord {
  const { store } = ctx.images;
  const isAsWanted = (!image.cached || cached) && (image.public || !isPublic) && aliases.length === 0 && Object.keys(moreProperties ?? {}).length === 0;
  if (isAsWanted) return image;
  ctx.db.transaction(() => {
    store.save({ ...image, cached: image.cached && (cached ?? false), public: image.public || isPublic, properties: { ...image.properties, ...moreProperties } });
    for (const { name, description } of aliases) store.insertAlias(image.project, { name, description: description ?? "", target: image.fingerprint });
  })();
  return store.get(image.project, image.fingerprint);
}

async function download(ctx: Context, found: FoundImage, options: ImageOptions, signal: AbortSignal, tell: (metadata: Record<string, unknown>) => void): Promise<ImageRecord> {
  tell({ download_progress: `rootfs: 0%${found.size ? ` of ${formatBytes(found.size)}` : ""}` });
  const progress = new Progress((text) => tell({ download_progress: `rootfs: ${text}` }), found.size);
  const upload = await found.fetch(ctx.paths.images, signal, (bytes) => progress.add(bytes));
  return ctx.images.add(upload, options);
}
