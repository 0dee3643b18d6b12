// The endpoints about the server itself.
import type { serverEndpoints } from "../api/server.ts";
import { fail } from "../api/errors.ts";
import { mayIn } from "../auth/caller.ts";
import type { Context } from "../context.ts";
import type { Implementation } from "../http/implementation.ts";
import { defaultProject } from "../projects/store.ts";
import { changeConfig } from "./change-config.ts";
import { describeEnvironment, type Tools } from "./environment.ts";
import { apiExtensions } from "./extensions.ts";
import { readResources } from "./resources/index.ts";

export function serverRoutes(ctx: Context, tools: Tools): Implementation<typeof serverEndpoints> {
  return {
    listVersions: () => ["/1.0"],

    getServer: ({ query, caller }) => {
      const told = {
        api_extensions: [...apiExtensions], api_status: "stable", api_version: "1.0", auth: caller.trusted ? "trusted" : "untrusted", public: false, auth_methods: ["tls", "bearer"],
      };
      if (!caller.trusted) return told;
      // pylxd asks by the name of a project before it makes it
      const project = caller.admin ? query.project || defaultProject : ctx.projects.named(query.project);
      if (!mayIn(caller, project, "view") && query.project) throw fail("forbidden");
      const { username, protocol } = caller.requestor;
      return { config: caller.admin ? ctx.settings.view() : {}, ...told, auth_user_name: username, auth_user_method: protocol, environment: { ...describeEnvironment(ctx, tools), project } };
    },

    replaceServerConfig: ({ body, requestor }) => changeConfig(ctx, () => body.config ?? {}, requestor),

    patchServerConfig: ({ body, requestor }) => changeConfig(ctx, (now) => ({ ...now, ...body.config }), requestor),

    shutDown: ({ query }) => ctx.shutdown.run(ctx, { force: query.force === "true" || query.force === "1" }),

    getResources: () => readResources(),
  };
}
