// The warning endpoints.
import { fail } from "../api/errors.ts";
import type { Requestor } from "../api/events.ts";
import type { Warning, warningEndpoints } from "../api/warnings.ts";
import type { Context } from "../context.ts";
import { compileFilter } from "../filter.ts";
import type { Implementation } from "../http/implementation.ts";
import { instanceUrl } from "../instances/view.ts";
import type { WarningRecord } from "./store.ts";
import { kindOf } from "./warnings.ts";

const urlOf = (uuid: string) => `/1.0/warnings/${uuid}`;

function entityUrl({ instance, network, pool }: WarningRecord): string {
  if (instance) return instanceUrl(instance);
  if (network !== undefined) return `/1.0/networks/${encodeURIComponent(network)}`;
  return pool === undefined ? "" : `/1.0/storage-pools/${encodeURIComponent(pool)}`;
}

function view(record: WarningRecord): Warning {
  const { text, severity } = kindOf(record.type);
  return {
    status: record.status, uuid: record.uuid, location: "none", project: record.project, type: text, count: record.count,
    first_seen_at: record.firstSeenAt.toISOString(), last_seen_at: record.lastSeenAt.toISOString(), last_message: record.message,
    severity, entity_url: entityUrl(record),
  };
}

export function warningRoutes(ctx: Context): Implementation<typeof warningEndpoints> {
  const { store } = ctx.warnings;
  const tell = (action: string, uuid: string, requestor: Requestor) => ctx.events.lifecycle({ action: `warning-${action}`, source: urlOf(uuid), requestor });
  const change = (id: string, status: string | undefined, requestor: Requestor) => {
    const { uuid } = store.get(id);
    if (status !== "acknowledged" && status !== "new") {
      throw status === "resolved" ? fail("warning_status_fixed") : fail("warning_status_unknown", { status: (status ?? "").slice(0, 40) });
    }
    store.setStatus(uuid, status);
    tell(status === "acknowledged" ? "acknowledged" : "reset", uuid, requestor);
  };

  return {
    listWarnings: ({ query }) => {
      const project = query.project ? ctx.projects.named(query.project) : undefined;
      const all = ctx.warnings.list(project).map(view);
      const found = query.filter?.trim() ? all.filter(compileFilter(query.filter)) : all;
      return Number(query.recursion ?? 0) > 0 ? found : found.map(({ uuid }) => urlOf(uuid));
    },

    getWarning: ({ params }) => view(store.get(params.id)),

    replaceWarning: ({ params, body, requestor }) => change(params.id, body.status, requestor),

    patchWarning: ({ params, body, requestor }) => change(params.id, body.status, requestor),

    deleteWarning: ({ params, requestor }) => {
      const { uuid } = store.get(params.id);
      store.remove(uuid);
      tell("deleted", uuid, requestor);
    },
  };
}
