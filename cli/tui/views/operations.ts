// What the server is doing.
import type { Operation } from "../../../server/api/operations.ts";
import { formatLocal } from "../../output/units.ts";
import { pair, section } from "../details/lines.ts";
import type { Row } from "../state/model.ts";
import { listArguments, toneOf, type View } from "./view.ts";

const operationOf = (row: Row) => row.value as Operation;

/** What an operation says of how far it is. */
export function progressOf(operation: Operation): string {
  const text = Object.entries(operation.metadata ?? {}).find(([key]) => key.endsWith("_progress"))?.[1];
  return typeof text === "string" ? text : "";
}

export function resourcesOf(operation: Operation): string {
  const urls = Object.values(operation.resources ?? {}).flat();
  return [...new Set(urls.map((url) => url.replace(/^\/1\.0\/[^/]+\//, "").replace(/\?.*/, "")))].join(" ");
}

export const operationsView: View = {
  id: "operations",
  title: "Operations",
  aliases: ["ops"],
  concerns: /^operation-/,
  followsOperations: true,
  columns: [
    { id: "description", title: "WHAT", width: 24, grow: true }, { id: "resources", title: "OF", width: 16, grow: true }, { id: "status", title: "STATE", width: 10 },
    { id: "progress", title: "PROGRESS", width: 18, from: 90 }, { id: "cancel", title: "CANCEL", width: 6 }, { id: "created", title: "SINCE", width: 22, from: 110 },
  ],
  load: async (place) => {
    const byStatus = (await place.client.listOperations(listArguments(place))) as Record<string, Operation[]>;
    return Object.values(byStatus).flat().map((operation) => ({
      key: operation.id, name: operation.id, project: place.project, tone: toneOf(operation.status), value: operation,
      cells: {
        description: operation.description, resources: resourcesOf(operation), status: operation.status, progress: progressOf(operation),
        cancel: operation.may_cancel ? "yes" : "no", created: formatLocal(operation.created_at),
      },
    }));
  },
  actions: [{
    id: "cancel", key: "d", does: "cancel", when: (row) => operationOf(row).may_cancel, confirm: (rows) => `Cancel ${rows.length === 1 ? rows[0]?.cells["description"] : `${rows.length} operations`}?`,
    command: (rows) => ["operation", "delete", ...rows.map(({ name }) => name)], run: (client, { name }) => client.deleteOperation({ id: name }),
  }],
  tabs: [{
    title: "Overview",
    load: (_, row) => {
      const it = operationOf(row);
      return [
        pair("Id", it.id), pair("What", it.description), pair("State", it.status), pair("Of", resourcesOf(it)), pair("Since", formatLocal(it.created_at)), pair("Changed", formatLocal(it.updated_at)),
        ...(it.err ? [pair("Error", it.err)] : []), ...section("Metadata"), ...JSON.stringify(it.metadata ?? {}, undefined, 2).split("\n"),
      ];
    },
  }],
};
