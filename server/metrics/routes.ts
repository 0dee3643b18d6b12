// The endpoint that monitoring systems scrape.
import type { metricsEndpoints } from "../api/metrics.ts";
import type { Context } from "../context.ts";
import type { Implementation } from "../http/implementation.ts";
import type { RequestStats } from "../http/requests.ts";
import { Collector } from "./collect.ts";
import { renderMetrics } from "./samples.ts";
import { readServer } from "./server.ts";

export function metricsRoutes(ctx: Context, requests: RequestStats): Implementation<typeof metricsEndpoints> {
  const collector = new Collector(ctx);
  return {
    /** The server's own numbers concern all projects: they are shown to those who may see all. */
    getMetrics: ({ query, caller }) => {
      const wanted = query.project ? [ctx.projects.named(query.project)] : ctx.projects.list().map(({ name }) => name);
      const seen = wanted.filter((project) => caller.accessTo(project) !== undefined);
      const byProject = collector.read();
      const sets = seen.flatMap((project) => byProject.get(project) ?? []);
      if (!query.project && seen.length === wanted.length) sets.push(readServer(ctx, requests));
      return { headers: { "content-type": "text/plain" }, body: Buffer.from(renderMetrics(sets)) };
    },
  };
}
