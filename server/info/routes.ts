// The endpoints about the server itself.
import type { serverEndpoints } from "../api/server.ts";
import type { Config } from "../api/schemas.ts";
import type { Context } from "../context.ts";
import type { Implementation } from "../http/implementation.ts";
import { describeEnvironment, type Tools } from "./environment.ts";
import { apiExtensions } from "./extensions.ts";
import { readResources } from "./resources.ts";

/** Values come as strings, numbers or booleans; they are kept as strings. */
function asStrings(config: Record<string, unknown> | undefined): Config {
  return Object.fromEntries(Object.entries(config ?? {}).map(([key, value]) => [key, String(value)]));
}

export function serverRoutes(ctx: Context, tools: Tools): Implementation<typeof serverEndpoints> {
  return {
    listVersions: () => ["/1.0"],

    getServer: ({ query }) => ({
      config: ctx.settings.all(), api_extensions: [...apiExtensions], api_status: "stable", api_version: "1.0", auth: "trusted", public: false,
      auth_methods: ["tls"], environment: { ...describeEnvironment(ctx, tools), project: ctx.projects.named(query.project) },
    }),

    replaceServerConfig: ({ body, requestor }) => {
      ctx.settings.replace(asStrings(body.config));
      ctx.events.lifecycle({ action: "config-updated", source: "/1.0", requestor });
    },

    patchServerConfig: ({ body, requestor }) => {
      ctx.settings.replace({ ...ctx.settings.all(), ...asStrings(body.config) });
      ctx.events.lifecycle({ action: "config-updated", source: "/1.0", requestor });
    },

    shutDown: ({ query }) => ctx.shutdown.run(ctx, { force: query.force === "true" || query.force === "1" }),

    getResources: () => readResources(),
  };
}
