// POST /1.0/images: bytes of an image, or JSON that says what is to become one.
import type { IncomingHttpHeaders } from "node:http";
import { fail } from "../api/errors.ts";
import { type imageEndpoints, ImagesPost } from "../api/images.ts";
import type { Config } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import { bodyLimits, collectBody, parseBody } from "../http/body.ts";
import { extraHeader } from "../http/headers.ts";
import type { Call } from "../http/implementation.ts";
import { assertProfiles } from "../instances/expanded.ts";
import { makeSecret, type Operation } from "../operations/operation.ts";
import { checkAliasName } from "./alias-routes.ts";
import { checkWanted, fetchImage, type Wanted } from "./download.ts";
import type { ImageOptions } from "./library.ts";
import { publish, readPublication } from "./publish.ts";
import type { ImageRecord } from "./store.ts";
import { isJson, receiveUpload } from "./upload.ts";
import { imageUrl, parseTime, tellImage } from "./view.ts";

type CreateCall = Call<(typeof imageEndpoints)["createImage"]>;
type Make = (operation: Operation) => Promise<ImageRecord>;

export async function createImage(ctx: Context, call: CreateCall): Promise<Operation> {
  const project = ctx.projects.named(call.query.project);
  const token = ctx.images.tokens.use(ctx.projects.owner(project, "images"), extraHeader(call.headers, "fingerprint"), extraHeader(call.headers, "secret"));
  if (!call.caller.trusted && !token) throw fail("forbidden");
  if (!(await isJson(call.headers, call.body))) return takeUpload(ctx, project, call, token?.put);
  if (!call.caller.trusted) throw fail("forbidden");
  return makeFrom(ctx, project, parseBody(ImagesPost, await collectBody(call.body, bodyLimits)) as ImagesPost, call);
}

function start(ctx: Context, project: string, { requestor }: CreateCall, make: Make, tell: boolean, metadata?: Record<string, string>): Operation {
  return ctx.operations.start({
    description: "Downloading image", project, cancellable: true, ...(metadata ? { metadata } : {}),
    run: async (operation) => {
      const image = await make(operation);
      operation.setResources({ images: [imageUrl(image)] });
      operation.update({ fingerprint: image.fingerprint, size: String(image.size) });
      if (tell) tellImage(ctx, "created", image, requestor, { type: "container" });
    },
  });
}

/** A stranger who has sent an image waits for the end by the secret that the operation has. */
async function takeUpload(ctx: Context, project: string, call: CreateCall, put: ImagesPost | undefined): Promise<Operation> {
  const options = put ? { ...optionsIn(call.headers, project), ...optionsOf(put) } : optionsIn(call.headers, project);
  assertProfiles(ctx, project, options.profiles);
  assertFree(ctx, project, options.aliases);
  const upload = await receiveUpload(ctx.paths.images, call.headers, call.body);
  return start(ctx, project, call, () => ctx.images.add(upload, options), true, put ? { secret: makeSecret() } : undefined);
}

function optionsIn(headers: IncomingHttpHeaders, project: string): ImageOptions {
  const properties: Config = Object.fromEntries(new URLSearchParams(extraHeader(headers, "properties")));
  const profiles = new URLSearchParams(extraHeader(headers, "profiles")).getAll("profile");
  return {
    project, filename: extraHeader(headers, "filename"), public: /^(true|1|yes|on)$/i.test(extraHeader(headers, "public")), moreProperties: properties,
    profiles: profiles.length > 0 ? profiles : ["default"], expected: extraHeader(headers, "fingerprint") || undefined, aliases: [],
  };
}

/** What a token says about the image that is sent by it. */
function optionsOf({ properties, expires_at, public: isPublic, aliases = [] }: ImagesPost): Pick<ImageOptions, "public" | "aliases"> & Partial<ImageOptions> {
  return { ...(properties ? { properties } : {}), expiresAt: parseTime(expires_at) || undefined, public: isPublic ?? false, aliases };
}

function makeFrom(ctx: Context, project: string, post: ImagesPost, call: CreateCall): Operation {
  const { source } = post;
  assertProfiles(ctx, project, post.profiles ?? []);
  assertFree(ctx, project, post.aliases);
  parseTime(post.expires_at);
  if (source?.mode === "push") return makeUploadToken(ctx, project, post, call);
  switch (source?.type) {
    case "instance":
    case "container":
    case "snapshot": {
      const publication = readPublication(ctx, project, post);
      return start(ctx, project, call, (operation) => publish(ctx, publication, operation), true);
    }
    case "image":
    case "url": {
      const wanted = wantedBy(project, post);
      checkWanted(wanted);
      return start(ctx, project, call, (operation) => fetchImage(ctx, wanted, operation, call.requestor), false);
    }
    default: throw fail("image_source_unsupported", { type: String(source?.type ?? "") });
  }
}

function makeUploadToken(ctx: Context, project: string, post: ImagesPost, { requestor }: CreateCall): Operation {
  const fingerprint = post.source?.fingerprint ?? "";
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) throw fail("image_source_missing");
  const image = { project: ctx.projects.owner(project, "images"), fingerprint };
  const operation = ctx.images.tokens.make(ctx.operations, image.project, fingerprint, post);
  tellImage(ctx, "secret-created", image, requestor);
  return operation;
}

function wantedBy(project: string, { source = {}, aliases, auto_update, filename, profiles, properties, public: isPublic }: ImagesPost): Wanted {
  const options = {
    public: isPublic ?? false, profiles: profiles ?? ["default"], autoUpdate: auto_update ?? false, aliases: aliases ?? [], moreProperties: properties ?? {}, cached: false,
    ...(filename ? { filename } : {}),
  };
  if (source.type === "url") {
    if (!source.url) throw fail("bad_request", { reason: "Missing URL" });
    return { project, server: source.url, protocol: "direct", name: "", options };
  }
  const name = source.fingerprint || source.alias;
  if (!name) throw fail("image_source_missing");
  return {
    project, server: source.server ?? "", protocol: source.protocol ?? "", name, certificate: source.certificate ?? "", secret: source.secret ?? "",
    sourceProject: source.project ?? "", options,
  };
}

/** Throws `alias_exists` or `invalid_name` before anything is sent or packed. */
function assertFree(ctx: Context, project: string, aliases: ImageOptions["aliases"]): void {
  for (const { name } of aliases ?? []) {
    checkAliasName(name);
    if (ctx.images.store.hasAlias(project, name)) throw fail("alias_exists", { name });
  }
}
