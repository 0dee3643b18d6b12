// The image endpoints.
import type { Readable } from "node:stream";
import { fail } from "../api/errors.ts";
import type { Image, imageEndpoints } from "../api/images.ts";
import { type Config, zeroTime } from "../api/schemas.ts";
import type { Caller } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import { compileFilter } from "../filter.ts";
import type { Call, Implementation } from "../http/implementation.ts";
import { extraHeader } from "../http/headers.ts";
import { urlIn } from "../projects/url.ts";
import { aliasRoutes } from "./alias-routes.ts";
import { exportImage } from "./export.ts";
import { removeUnusedLayers } from "./layers.ts";
import type { ImageRecord } from "./store.ts";
import { receiveUpload, type Upload } from "./upload.ts";

type Headers = Call<(typeof imageEndpoints)["createImage"]>["headers"];

export function imageRoutes(ctx: Context): Implementation<typeof imageEndpoints> {
  const { store } = ctx.images;
  const find = (project: string | undefined, fingerprint: string) => store.get(ctx.projects.named(project), fingerprint);
  /** For strangers there are public images only. */
  const findFor = (caller: Caller, project: string | undefined, fingerprint: string) => {
    const image = find(project, fingerprint);
    if (!caller.trusted && !image.public) throw fail("image_not_found");
    return image;
  };
  const urlOf = ({ project, fingerprint }: Pick<ImageRecord, "project" | "fingerprint">) => urlIn(project, `/1.0/images/${fingerprint}`);
  const tell = (action: string, image: ImageRecord, requestor: Call<(typeof imageEndpoints)["getImage"]>["requestor"], context?: Record<string, unknown>) =>
    ctx.events.lifecycle({ action: `image-${action}`, source: urlOf(image), requestor, ...(context ? { context } : {}) }, image.project);

  return {
    ...aliasRoutes(ctx),

    listImages: ({ query, caller }) => {
      const project = ctx.projects.named(query.project);
      const matches = compileFilter(query.filter);
      const images = viewAll(ctx, project).filter((image) => (caller.trusted || image.public) && matches(image));
      const owner = ctx.projects.owner(project, "images");
      return query.recursion && query.recursion !== "0" ? images : images.map(({ fingerprint }) => urlOf({ project: owner, fingerprint }));
    },

    createImage: async ({ query, body, headers, requestor }) => {
      const project = ctx.projects.named(query.project);
      if (/json/i.test(headers["content-type"] ?? "")) throw await unsupportedSource(body);
      const upload = await receiveUpload(ctx.paths.images, headers, body);
      return ctx.operations.start({
        description: "Downloading image", project,
        run: async (operation) => {
          const image = await ctx.images.add(upload, { project, ...optionsIn(headers, upload) });
          operation.setResources({ images: [urlOf(image)] });
          operation.update({ fingerprint: image.fingerprint, size: String(image.size) });
          tell("created", image, requestor, { type: "container" });
        },
      });
    },

    getImage: ({ params, query, caller }) => viewOne(ctx, findFor(caller, query.project, params.fingerprint)),

    replaceImage: ({ params, query, body, requestor }) => {
      const image = find(query.project, params.fingerprint);
      store.save({
        ...image, public: body.public ?? false, autoUpdate: body.auto_update ?? false, properties: withoutEmpty(body.properties ?? {}),
        profiles: body.profiles ?? image.profiles, expiresAt: parseTime(body.expires_at) ?? 0,
      });
      tell("updated", image, requestor);
    },

    patchImage: ({ params, query, body, requestor }) => {
      const image = find(query.project, params.fingerprint);
      store.save({
        ...image, public: body.public ?? image.public, autoUpdate: body.auto_update ?? image.autoUpdate,
        properties: withoutEmpty({ ...image.properties, ...body.properties }), profiles: body.profiles ?? image.profiles,
        expiresAt: parseTime(body.expires_at) ?? image.expiresAt,
      });
      tell("updated", image, requestor);
    },

    deleteImage: ({ params, query, requestor }) => {
      const image = find(query.project, params.fingerprint);
      return ctx.operations.start({
        description: "Deleting image", project: image.project, resources: { images: [urlOf(image)] },
        run: async () => {
          await ctx.images.remove(image);
          await removeUnusedLayers(ctx, image.fingerprint);
          tell("deleted", image, requestor);
        },
      });
    },

    exportImage: async ({ params, query, requestor, caller }) => {
      const image = findFor(caller, query.project, params.fingerprint);
      tell("retrieved", image, requestor);
      return exportImage(ctx, image);
    },
  };
}

/** A property is removed by an empty value. */
function withoutEmpty(properties: Config): Config {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== ""));
}

function viewOne(ctx: Context, image: ImageRecord, aliases = ctx.images.store.listAliases(image.project)): Image {
  return {
    auto_update: image.autoUpdate, properties: image.properties, public: image.public, expires_at: formatTime(image.expiresAt),
    profiles: image.profiles, architecture: image.architecture, cached: image.cached, filename: image.filename,
    aliases: aliases.filter((alias) => alias.target === image.fingerprint).map(({ name, description }) => ({ name, description })),
    fingerprint: image.fingerprint, size: image.size, type: "container", created_at: formatTime(image.createdAt),
    last_used_at: formatTime(image.lastUsedAt), uploaded_at: formatTime(image.uploadedAt),
  };
}

function viewAll(ctx: Context, project: string): Image[] {
  const aliases = ctx.images.store.listAliases(project);
  return ctx.images.store.list(project).map((image) => viewOne(ctx, image, aliases));
}

function formatTime(ms: number): string {
  return ms > 0 ? new Date(ms).toISOString() : zeroTime;
}

/** Milliseconds since the epoch; undefined when none was given. */
function parseTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw fail("bad_body", { reason: `expires_at "${text}" is no RFC 3339 time` });
  return Math.max(0, ms);
}

function optionsIn(headers: Headers, upload: Upload) {
  const properties: Config = Object.fromEntries(new URLSearchParams(extraHeader(headers, "properties")));
  const profiles = new URLSearchParams(extraHeader(headers, "profiles")).getAll("profile");
  return {
    filename: extraHeader(headers, "filename") || upload.filename, public: /^(true|1|yes)$/i.test(extraHeader(headers, "public")), properties,
    profiles: profiles.length > 0 ? profiles : ["default"], expected: extraHeader(headers, "fingerprint") || undefined,
  };
}

async function unsupportedSource(body: Readable): Promise<Error> {
  let text = "";
  for await (const chunk of body as AsyncIterable<Buffer>) {
    text += chunk.toString("utf8");
    if (text.length > 1_000_000) break;
  }
  try {
    const { source } = JSON.parse(text) as { source?: { type?: string } };
    return fail("image_source_unsupported", { type: String(source?.type ?? "") });
  } catch {
    return fail("bad_body", { reason: "it is not valid JSON" });
  }
}
