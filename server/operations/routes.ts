// The operations endpoints.
import type { operationEndpoints } from "../api/operations.ts";
import { fail } from "../api/errors.ts";
import type { EventHub } from "../events/hub.ts";
import type { Implementation } from "../http/implementation.ts";
import type { Operation } from "./operation.ts";
import type { Operations } from "./registry.ts";

export function operationRoutes(operations: Operations, events: EventHub): Implementation<typeof operationEndpoints> {
  return {
    listOperations: ({ query }) => {
      const groups: Record<string, unknown[]> = {};
      for (const operation of operations.list()) {
        if (query["all-projects"] !== "true" && operation.project !== "" && operation.project !== (query.project ?? "default")) continue;
        const group = (groups[operation.status.toLowerCase()] ??= []);
        group.push(query.recursion === "1" ? operation.view() : operation.url);
      }
      return groups as Record<string, string[]>;
    },

    getOperation: ({ params }) => operations.get(params.id).view(),

    deleteOperation: ({ params, requestor }) => {
      const operation = operations.get(params.id);
      operation.cancel();
      events.lifecycle({ action: "operation-cancelled", source: operation.url, requestor }, operation.project);
    },

    waitOperation: async ({ params, query }) => {
      const operation = operations.get(params.id);
      const seconds = Number(query.timeout ?? -1);
      if (!Number.isFinite(seconds)) throw fail("bad_request", { reason: `Invalid timeout "${query.timeout}"` });
      await waitFor(operation, seconds);
      return operation.view();
    },
  };
}

async function waitFor(operation: Operation, seconds: number): Promise<void> {
  if (operation.isFinal) return;
  if (seconds < 0) return operation.ended();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(seconds * 1000, 2 ** 31 - 1));
  });
  await Promise.race([operation.ended(), late]);
  clearTimeout(timer);
}
