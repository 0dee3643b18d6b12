// A project may have its profiles, images or networks from the default project: who may change things in it may not, for that,
// change those of the default project.
import type { Endpoint } from "../api/endpoint.ts";
import type { ProjectFeature } from "../api/config-keys/project.ts";
import { fail } from "../api/errors.ts";
import { endpoints } from "../api/index.ts";
import { type Caller, mayIn } from "../auth/caller.ts";
import type { Context } from "../context.ts";

const kinds: readonly [RegExp, ProjectFeature][] = [
  [/^\/1\.0\/profiles(\/|$)/, "profiles"], [/^\/1\.0\/images(\/|$)/, "images"], [/^\/1\.0\/networks?(-[a-z]+)?(\/|$)/, "networks"],
];

type Handler = (call: never) => unknown;

/** The handlers, with those that change such things checking whose they are. */
export function guardOwners<T extends Readonly<Record<string, Handler | undefined>>>(ctx: Context, handlers: T): T {
  const guarded = Object.entries(handlers).map(([id, handler]) => {
    const endpoint = (endpoints as Readonly<Record<string, Endpoint>>)[id];
    const feature = kinds.find(([path]) => path.test(endpoint?.path ?? ""))?.[1];
    return [id, handler && endpoint && feature && endpoint.access !== "view" ? guard(ctx, endpoint, feature, handler) : handler];
  });
  return Object.fromEntries(guarded) as T;
}

/** What strangers may do is for the handler to tell: they come with a secret. */
function guard(ctx: Context, { access }: Endpoint, feature: ProjectFeature, handler: Handler): Handler {
  return (call: { caller: Caller; query: { project?: string } }) => {
    const { caller, query } = call;
    // Strangers come with a token, or are shown what is public: handlers see to that.
    const isMember = caller.trusted && !caller.admin && (access === "operate" || access === "edit");
    if (isMember && !mayIn(caller, ctx.projects.owner(ctx.projects.named(query.project), feature), access)) throw fail("forbidden");
    return handler(call as never);
  };
}
