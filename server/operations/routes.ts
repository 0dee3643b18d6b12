// The operations endpoints.
import type { Operation as OperationView, operationEndpoints } from "../api/operations.ts";
import { fail } from "../api/errors.ts";
import { type Caller, isForAll, mayIn } from "../auth/caller.ts";
import type { EventHub } from "../events/hub.ts";
import type { Implementation } from "../http/implementation.ts";
import type { Operation } from "./operation.ts";
import type { Operations } from "./registry.ts";
import { shownTo } from "./visible.ts";

/** An operation as a caller may see it. Throws `operation_not_found`, also for one that it may not. */
function find(operations: Operations, id: string, caller: Caller): { operation: Operation; view: OperationView } {
  const operation = operations.get(id);
  const view = shownTo(caller, toldOf(operation));
  if (!view) throw fail("operation_not_found");
  return { operation, view };
}

const toldOf = (operation: Operation) => ({ view: operation.view(), project: operation.project, confidential: operation.confidential });

export function operationRoutes(operations: Operations, events: EventHub): Implementation<typeof operationEndpoints> {
  return {
    listOperations: ({ query, caller }) => {
      const groups: Record<string, unknown[]> = {};
      for (const operation of operations.list()) {
        if (!isForAll(query) && operation.project !== "" && operation.project !== (query.project || "default")) continue;
        const view = shownTo(caller, toldOf(operation));
        if (!view) continue;
        const group = (groups[operation.status.toLowerCase()] ??= []);
        group.push(query.recursion === "1" ? view : operation.url);
      }
      return groups as Record<string, string[]>;
    },

    getOperation: ({ params, caller }) => find(operations, params.id, caller).view,

    deleteOperation: ({ params, requestor, caller }) => {
      const { operation } = find(operations, params.id, caller);
      if (!caller.admin && !mayIn(caller, operation.project, "operate")) throw fail("forbidden");
      operation.cancel();
      events.lifecycle({ action: "operation-cancelled", source: operation.url, requestor }, operation.project);
    },

    waitOperation: async ({ params, query, caller }) => {
      const operation = caller.trusted ? find(operations, params.id, caller).operation : bySecret(operations, params.id, query.secret);
      const seconds = Number(query.timeout ?? -1);
      if (!Number.isFinite(seconds)) throw fail("bad_request", { reason: `Invalid timeout "${query.timeout}"` });
      await waitFor(operation, seconds);
      return caller.trusted ? find(operations, params.id, caller).view : operation.view();
    },
  };
}

/** Strangers may wait for what they know the secret of. Throws `forbidden`, without one in any case, or `operation_not_found`. */
function bySecret(operations: Operations, id: string, secret: string | undefined): Operation {
  if (!secret) throw fail("forbidden");
  const operation = operations.get(id);
  const right = operation.view().metadata?.["secret"];
  if (typeof right !== "string" || right !== secret) throw fail("forbidden");
  return operation;
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
