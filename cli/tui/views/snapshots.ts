// The snapshots of one instance.
import type { Snapshot } from "../../../server/api/snapshots.ts";
import { formatLocal, formatSizeIec, isTimeSet } from "../../output/units.ts";
import { pair, pairs, section } from "../details/lines.ts";
import type { Row } from "../state/model.ts";
import { projectWords, type View } from "./view.ts";

interface Scoped {
  instance: string;
  snapshot: Snapshot;
}

const scoped = (row: Row) => row.value as Scoped;
const fullName = (row: Row) => `${scoped(row).instance}/${row.name}`;

export const snapshotsView: View = {
  id: "snapshots",
  title: "Snapshots",
  aliases: [],
  concerns: /^instance-(snapshot-|restored)/,
  columns: [
    { id: "name", title: "NAME", width: 16, grow: true },
    { id: "created", title: "TAKEN", width: 22 },
    { id: "expires", title: "EXPIRES", width: 22 },
    { id: "size", title: "SIZE", width: 10, right: true, from: 90 },
  ],
  load: async ({ client, scope }) => {
    if (!scope) return [];
    const snapshots = (await client.listSnapshots({ name: scope.name, project: scope.project, recursion: "1" })) as Snapshot[];
    return snapshots.map((snapshot) => ({
      key: snapshot.name, name: snapshot.name, project: scope.project, tone: "plain", value: { instance: scope.name, snapshot } satisfies Scoped,
      cells: {
        name: snapshot.name, created: formatLocal(snapshot.created_at), size: snapshot.size > 0 ? formatSizeIec(snapshot.size) : "",
        expires: snapshot.expires_at && isTimeSet(snapshot.expires_at) ? formatLocal(snapshot.expires_at) : "never",
      },
    }));
  },
  actions: [
    {
      id: "restore", key: "R", does: "go back to it", single: true, confirm: (rows) => `Bring ${rows[0] ? scoped(rows[0]).instance : ""} back to ${rows[0]?.name}? What came after it is lost.`,
      command: ([row]) => (row ? ["restore", scoped(row).instance, row.name, ...projectWords(row)] : []),
      run: (client, row) => client.replaceInstance({ name: scoped(row).instance, project: row.project, body: { restore: row.name } }),
    },
    {
      id: "rename", key: "n", does: "rename", single: true, prompt: (row) => ({ label: "New name", text: row.name }),
      command: ([row], input) => (row ? ["rename", fullName(row), `${scoped(row).instance}/${input}`, ...projectWords(row)] : []),
      run: (client, row, input) => client.renameSnapshot({ name: scoped(row).instance, snapshot: row.name, project: row.project, body: { name: input } }),
    },
    {
      id: "delete", key: "d", does: "delete", confirm: (rows) => `Delete ${rows.map(({ name }) => name).join(", ")}?`,
      command: (rows) => ["delete", ...rows.map(fullName), ...(rows[0] ? projectWords(rows[0]) : [])],
      run: (client, row) => client.deleteSnapshot({ name: scoped(row).instance, snapshot: row.name, project: row.project }),
    },
  ],
  tabs: [
    { title: "Overview", load: (_, row) => [pair("Snapshot", fullName(row)), pair("Taken", row.cells["created"] ?? ""), pair("Expires", row.cells["expires"] ?? ""), ...section("Configuration"), ...pairs(scoped(row).snapshot.config)] },
  ],
};
