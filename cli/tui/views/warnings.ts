// What is the matter with the server.
import type { Warning } from "../../../server/api/warnings.ts";
import { formatLocal } from "../../output/units.ts";
import { pair } from "../details/lines.ts";
import type { Row, Tone } from "../state/model.ts";
import type { View } from "./view.ts";

const warningOf = (row: Row) => row.value as Warning;

function tone({ status, severity }: Warning): Tone {
  if (status !== "new") return "dim";
  return severity === "high" ? "bad" : "busy";
}

export const warningsView: View = {
  id: "warnings",
  title: "Warnings",
  aliases: ["warn"],
  concerns: /^warning-/,
  columns: [
    { id: "type", title: "WHAT", width: 24, grow: true }, { id: "message", title: "LAST SAID", width: 20, grow: true, from: 90 }, { id: "severity", title: "SEVERITY", width: 9 },
    { id: "status", title: "STATE", width: 12 }, { id: "count", title: "TIMES", width: 5, right: true }, { id: "seen", title: "LAST SEEN", width: 22, from: 110 },
  ],
  load: async ({ client, project, allProjects }) => ((await client.listWarnings({ recursion: "1", ...(allProjects ? { "all-projects": "true" } : { project }) })) as Warning[]).map((warning) => ({
    key: warning.uuid, name: warning.type, project: warning.project, tone: tone(warning), value: warning,
    cells: {
      type: warning.type, message: warning.last_message, severity: warning.severity, status: warning.status, count: String(warning.count), seen: formatLocal(warning.last_seen_at),
    },
  })),
  actions: [
    {
      id: "acknowledge", key: "a", does: "acknowledge", when: (row) => warningOf(row).status === "new", command: ([row]) => ["warning", "acknowledge", row ? warningOf(row).uuid : ""],
      run: (client, row) => client.replaceWarning({ id: warningOf(row).uuid, body: { status: "acknowledged" } }),
    },
    {
      id: "delete", key: "d", does: "delete", confirm: (rows) => `Delete ${rows.length === 1 ? "this warning" : `${rows.length} warnings`}?`, command: ([row]) => ["warning", "delete", row ? warningOf(row).uuid : ""],
      run: (client, row) => client.deleteWarning({ id: warningOf(row).uuid }),
    },
  ],
  tabs: [{
    title: "Overview",
    load: (_, row) => {
      const it = warningOf(row);
      return [
        pair("What", it.type), pair("Severity", it.severity), pair("State", it.status), pair("Times", String(it.count)), pair("First seen", formatLocal(it.first_seen_at)),
        pair("Last seen", formatLocal(it.last_seen_at)), pair("About", it.entity_url), pair("Project", it.project), "", it.last_message,
      ];
    },
  }],
};
