// berth warning list
import type { Warning } from "../../../server/api/warnings.ts";
import { defineCommand, formatFlag } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { compareRows } from "../../output/natural.ts";
import { warningShape } from "../../output/shape.ts";
import { formatUpload } from "../../output/units.ts";
import { listedServer } from "../../remote.ts";

interface Column {
  header: string;
  cell(warning: Warning): string;
}

const columns: Readonly<Record<string, Column>> = {
  c: { header: "COUNT", cell: (warning) => String(warning.count) },
  f: { header: "FIRST SEEN", cell: (warning) => formatUpload(warning.first_seen_at) },
  l: { header: "LAST SEEN", cell: (warning) => formatUpload(warning.last_seen_at) },
  p: { header: "PROJECT", cell: (warning) => warning.project },
  s: { header: "SEVERITY", cell: (warning) => warning.severity.toUpperCase() },
  S: { header: "STATUS", cell: (warning) => warning.status.toUpperCase() },
  t: { header: "TYPE", cell: (warning) => warning.type },
  u: { header: "UUID", cell: (warning) => warning.uuid },
};
const defaultColumns = "utSscpLl";

/** The location, which only clusters have, is left out of the default. */
function parseColumns(spec: string): Column[] {
  const wanted = spec === defaultColumns ? spec.replace("L", "") : spec;
  if (wanted.includes("L")) throw new CliError("Can't specify column L when not clustered");
  return wanted.split(",").flatMap((entry) => {
    if (entry === "") throw new CliError(`Empty column entry (redundant, leading or trailing command) in '${spec}'`);
    return [...entry].map((letter) => {
      const column = Object.hasOwn(columns, letter) ? columns[letter] : undefined;
      if (!column) throw new CliError(`Unknown column shorthand char '${letter}' in '${entry}'`);
      return column;
    });
  });
}

export const warningListCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  summary: "List warnings",
  description: `List warnings

Warnings that were acknowledged or are over are shown with --all only.

The -c option takes a (optionally comma-separated) list of arguments
that control which warning attributes to output when displaying in table
or csv format.

Default column layout is: utSscpl

Column shorthand chars:

    c - Count
    l - Last seen
    f - First seen
    p - Project
    s - Severity
    S - Status
    u - UUID
    t - Type`,
  args: [0, 1],
  flags: {
    all: { kind: "bool", short: "a", description: "List all warnings" },
    columns: { kind: "string", short: "c", default: defaultColumns, description: "Columns" },
    format: formatFlag,
  },
  async run(ctx, args, flags) {
    const server = listedServer(ctx, args);
    const chosen = parseColumns(flags.columns);
    await ctx.list(flags.format, async () => {
      const found = (await server.client.listWarnings({ recursion: "1" })) as Warning[];
      const warnings = flags.all ? found : found.filter(({ status }) => status === "new");
      const rows = warnings.map((warning) => chosen.map((column) => column.cell(warning))).sort(compareRows);
      return { header: chosen.map((column) => column.header), rows, raw: warnings, shape: warningShape };
    });
  },
});
