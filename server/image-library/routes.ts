// The image endpoints.
import { fail } from "../api/errors.ts";
import type { imageEndpoints } from "../api/images.ts";
import type { Config } from "../api/schemas.ts";
import type { Caller } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import { compileFilter } from "../filter.ts";
import type { Implementation } from "../http/implementation.ts";
import { assertProfiles } from "../instances/expanded.ts";
import { aliasRoutes } from "./alias-routes.ts";
import { createImage } from "./create.ts";
import { exportImage } from "./export.ts";
import { removeUnusedLayers } from "./layers.ts";
import { pushImage } from "./push.ts";
import { assertRefreshable, refreshImage } from "./refresh.ts";
import { imageUrl, parseTime, tellImage, viewImage, viewImages } from "./view.ts";

export function imageRoutes(ctx: Context): Implementation<typeof imageEndpoints> {
  const { store, tokens } = ctx.images;
  const find = (project: string | undefined, fingerprint: string) => store.get(ctx.projects.named(project), fingerprint);

  /** Strangers see what is public, and what they have a secret for. Throws `image_not_found`. */
  const findFor = (caller: Caller, project: string | undefined, fingerprint: string, secret: string | undefined, range?: string) => {
    const image = find(project, fingerprint);
    const isOpen = caller.trusted || image.public || tokens.opens(image.project, image.fingerprint, secret) || tokens.goesOn(image.project, image.fingerprint, secret, range);
    if (!isOpen) throw fail("image_not_found");
    return image;
  };

  // Operations are of the project that was asked, also where it has another one's images: its clients listen there for their ends.
  return {
    ...aliasRoutes(ctx),

    listImages: ({ query, caller }) => {
      const project = ctx.projects.named(query.project);
      const matches = compileFilter(query.filter);
      const images = viewImages(ctx.images, project).filter((image) => (caller.trusted || image.public) && matches(image));
      const owner = ctx.projects.owner(project, "images");
      return query.recursion && query.recursion !== "0" ? images : images.map(({ fingerprint }) => imageUrl({ project: owner, fingerprint }));
    },

    createImage: (call) => createImage(ctx, call),

    getImage: ({ params, query, caller }) => {
      const image = findFor(caller, query.project, params.fingerprint, query.secret);
      return viewImage(image, store.listAliasesOf(image));
    },

    replaceImage: ({ params, query, body, requestor }) => {
      const image = find(query.project, params.fingerprint);
      assertProfiles(ctx, ctx.projects.named(query.project), body.profiles ?? []);
      store.save({
        ...image, public: body.public ?? false, autoUpdate: body.auto_update ?? false, properties: withoutEmpty(body.properties ?? {}),
        profiles: body.profiles ?? image.profiles, expiresAt: parseTime(body.expires_at) ?? 0,
      });
      tellImage(ctx, "updated", image, requestor);
    },

    patchImage: ({ params, query, body, requestor }) => {
      const image = find(query.project, params.fingerprint);
      assertProfiles(ctx, ctx.projects.named(query.project), body.profiles ?? []);
      store.save({
        ...image, public: body.public ?? image.public, autoUpdate: body.auto_update ?? image.autoUpdate,
        properties: withoutEmpty({ ...image.properties, ...body.properties }), profiles: body.profiles ?? image.profiles,
        expiresAt: parseTime(body.expires_at) ?? image.expiresAt,
      });
      tellImage(ctx, "updated", image, requestor);
    },

    deleteImage: ({ params, query, requestor }) => {
      const image = find(query.project, params.fingerprint);
      return ctx.operations.start({
        description: "Deleting image", project: ctx.projects.named(query.project), resources: { images: [imageUrl(image)] },
        run: async () => {
          if (!store.has(image.project, image.fingerprint)) throw fail("image_not_found");
          await ctx.images.remove(image);
          await removeUnusedLayers(ctx, image.fingerprint);
          tellImage(ctx, "deleted", image, requestor);
        },
      });
    },

    exportImage: async ({ params, query, headers, caller, requestor }) => {
      const image = findFor(caller, query.project, params.fingerprint, query.secret, headers.range);
      const reply = await exportImage(ctx, image, headers.range);
      tokens.use(image.project, image.fingerprint, query.secret);
      tellImage(ctx, "retrieved", image, requestor);
      return reply;
    },

    headImageExport: async ({ params, query, headers, caller }) => {
      const { status, headers: told, body } = await exportImage(ctx, findFor(caller, query.project, params.fingerprint, query.secret), headers.range);
      if (!Buffer.isBuffer(body)) body.destroy();
      return { ...(status ? { status } : {}), headers: told, body: Buffer.alloc(0) };
    },

    pushImage: ({ params, query, body, requestor }) => {
      const image = find(query.project, params.fingerprint);
      if (!URL.canParse(body.target) || new URL(body.target).protocol !== "https:") throw fail("bad_request", { reason: `"${body.target.slice(0, 200)}" is no https:// URL of a server` });
      return ctx.operations.start({
        description: "Downloading image", project: ctx.projects.named(query.project), resources: { images: [imageUrl(image)] }, cancellable: true,
        run: (operation) => pushImage(ctx, image, body, operation, requestor),
      });
    },

    refreshImage: ({ params, query, requestor }) => {
      const image = find(query.project, params.fingerprint);
      assertRefreshable(image);
      return ctx.operations.start({
        description: "Refreshing image", project: ctx.projects.named(query.project), resources: { images: [imageUrl(image)] }, cancellable: true,
        run: async (operation) => operation.update({ refreshed: await refreshImage(ctx, image, operation, requestor) }),
      });
    },

    createImageSecret: ({ params, query, requestor }) => {
      const image = find(query.project, params.fingerprint);
      const operation = tokens.make(ctx.operations, image.project, image.fingerprint);
      tellImage(ctx, "secret-created", image, requestor);
      return operation;
    },
  };
}

/** A property is removed by an empty value. */
function withoutEmpty(properties: Config): Config {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== ""));
}
