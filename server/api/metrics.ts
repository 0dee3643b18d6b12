// What monitoring systems scrape.
import { Type } from "typebox";
import { defineEndpoints } from "./endpoint.ts";

export const metricsEndpoints = defineEndpoints({
  getMetrics: {
    method: "GET", path: "/1.0/metrics", access: "any", metrics: true, kind: "raw", since: "metrics",
    query: Type.Object({
      project: Type.Optional(Type.String({ description: "Of this project's instances alone; of all when absent" })),
      target: Type.Optional(Type.String()),
    }),
    errors: ["project_not_found"], summary: "Show numbers of running instances and of the server, as OpenMetrics text",
  },
});
