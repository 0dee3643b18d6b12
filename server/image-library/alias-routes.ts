// The image alias endpoints.
import { fail } from "../api/errors.ts";
import type { Alias, imageEndpoints } from "../api/images.ts";
import type { Context } from "../context.ts";
import type { Call, Implementation } from "../http/implementation.ts";
import { urlIn } from "../projects/url.ts";
import type { AliasRecord } from "./store.ts";

type AliasRoutes = Pick<
  Implementation<typeof imageEndpoints>,
  "listAliases" | "createAlias" | "getAlias" | "replaceAlias" | "patchAlias" | "renameAlias" | "deleteAlias"
>;
type Requestor = Call<(typeof imageEndpoints)["getAlias"]>["requestor"];


function view({ name, description, target }: AliasRecord): Alias {
  return { name, description, target, type: "container" };
}

export function checkAliasName(name: string): void {
  if (name === "" || name.length > 255 || /[\0-\x1f\x7f]/.test(name)) {
    throw fail("invalid_name", { what: "alias", name: name.slice(0, 80), reason: "it must be 1 to 255 printable characters" });
  }
}

export function aliasRoutes(ctx: Context): AliasRoutes {
  const { store } = ctx.images;
  const ownerOf = (project: string | undefined) => ctx.projects.owner(ctx.projects.named(project), "images");
  const urlOf = (project: string, name: string) => urlIn(project, `/1.0/images/aliases/${name}`);
  const tell = (action: string, project: string, name: string, requestor: Requestor, context?: Record<string, unknown>) =>
    ctx.events.lifecycle({ action: `image-alias-${action}`, source: urlOf(project, name), requestor, ...(context ? { context } : {}) }, project);

  return {
    listAliases: ({ query }) => {
      const project = ownerOf(query.project);
      const aliases = store.listAliases(project);
      return query.recursion === "1" ? aliases.map(view) : aliases.map(({ name }) => urlOf(project, name));
    },

    createAlias: ({ query, body, requestor }) => {
      checkAliasName(body.name);
      const project = ownerOf(query.project);
      store.insertAlias(project, { name: body.name, description: body.description ?? "", target: body.target ?? "" });
      tell("created", project, body.name, requestor, { target: body.target });
      return { location: urlOf(project, body.name) };
    },

    getAlias: ({ params, query, caller }) => {
      const project = ctx.projects.named(query.project);
      const alias = store.getAlias(project, params.name);
      if (!caller.trusted && !store.get(project, alias.target).public) throw fail("alias_not_found");
      return view(alias);
    },

    replaceAlias: ({ params, query, body, requestor }) => {
      const project = ownerOf(query.project);
      const alias = store.getAlias(project, params.name);
      if (!body.target) throw fail("bad_body", { reason: "target is required" });
      store.saveAlias(project, { ...alias, description: body.description ?? "", target: body.target });
      tell("updated", project, alias.name, requestor, { target: body.target });
    },

    patchAlias: ({ params, query, body, requestor }) => {
      const project = ownerOf(query.project);
      const alias = store.getAlias(project, params.name);
      const target = body.target || alias.target;
      store.saveAlias(project, { ...alias, description: body.description ?? alias.description, target });
      tell("updated", project, alias.name, requestor, { target });
    },

    renameAlias: ({ params, query, body, requestor }) => {
      const project = ownerOf(query.project);
      const alias = store.getAlias(project, params.name);
      checkAliasName(body.name);
      store.renameAlias(project, alias, body.name);
      tell("renamed", project, body.name, requestor, { old_name: alias.name });
      return { location: urlOf(project, body.name) };
    },

    deleteAlias: ({ params, query, requestor }) => {
      const project = ownerOf(query.project);
      const alias = store.getAlias(project, params.name);
      store.removeAlias(alias);
      tell("deleted", project, alias.name, requestor);
    },
  };
}
