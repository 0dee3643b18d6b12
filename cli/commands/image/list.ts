// berth image list
import type { Image } from "../../../server/api/images.ts";
import { defineCommand, formatFlag } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { compareRows } from "../../output/natural.ts";
import { imageShape } from "../../output/shape.ts";
import { formatUpload } from "../../output/units.ts";
import { imagesOf } from "./images-of.ts";
import { matchesKey, matchesValue, splitFilters } from "../instance/filters.ts";

interface Column {
  header: string;
  cell(image: Image): string;
}

const columns: Readonly<Record<string, Column>> = {
  l: { header: "ALIAS", cell: shortestAlias },
  L: { header: "ALIASES", cell: (image) => image.aliases.map((alias) => alias.name).sort().join("\n") },
  f: { header: "FINGERPRINT", cell: (image) => image.fingerprint.slice(0, 12) },
  F: { header: "FINGERPRINT", cell: (image) => image.fingerprint },
  p: { header: "PUBLIC", cell: (image) => (image.public ? "yes" : "no") },
  d: { header: "DESCRIPTION", cell: (image) => image.properties?.["description"] ?? "" },
  a: { header: "ARCHITECTURE", cell: (image) => image.architecture },
  s: { header: "SIZE", cell: (image) => `${(image.size / 1024 / 1024).toFixed(2)}MB` },
  u: { header: "UPLOAD DATE", cell: (image) => formatUpload(image.uploaded_at) },
  t: { header: "TYPE", cell: (image) => (image.type || "container").toUpperCase() },
};

function shortestAlias({ aliases }: Image): string {
  const [shortest = ""] = aliases.map((alias) => alias.name).sort((a, b) => a.length - b.length);
  return aliases.length > 1 ? `${shortest} (${aliases.length - 1} more)` : shortest;
}

export function parseImageColumns(spec: string): Column[] {
  return spec.split(",").flatMap((entry) => {
    if (entry === "") throw new CliError(`Empty column entry (redundant, leading or trailing command) in '${spec}'`);
    return [...entry].map((letter) => {
      const column = Object.hasOwn(columns, letter) ? columns[letter] : undefined;
      if (!column) throw new CliError(`Unknown column shorthand char '${letter}' in '${entry}'`);
      return column;
    });
  });
}

const serverKeys = new Set([
  "auto_update", "properties", "public", "expires_at", "profiles", "aliases", "architecture", "cached", "filename", "fingerprint", "size",
  "type", "created_at", "last_used_at", "uploaded_at",
]);

/** Whether an image passes all filters that the client has to apply. */
export function matchesImage(image: Image, filters: readonly string[]): boolean {
  return filters.every((filter) => {
    const equals = filter.indexOf("=");
    if (equals < 0) return image.fingerprint.includes(filter) || image.aliases.some((alias) => alias.name.includes(filter));
    const [key, wanted] = [filter.slice(0, equals), filter.slice(equals + 1)];
    if (String((image as Record<string, unknown>)[key]) === wanted) return true;
    return Object.entries(image.properties ?? {}).some(([name, value]) => matchesKey(key, name) && matchesValue(value, wanted));
  });
}

export const imageListCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  usage: "[<filter>...]",
  summary: "List images",
  description: `List images

Filters may be of the <key>=<value> form for property based filtering,
or part of the image hash or part of the image alias name.

The -c option takes a (optionally comma-separated) list of arguments
that control which image attributes to output when displaying in table
or csv format.

Default column layout is: lfpdatsu

Column shorthand chars:

    l - Shortest image alias (and optionally number of other aliases)
    L - Newline-separated list of all image aliases
    f - Fingerprint (short)
    F - Fingerprint (long)
    p - Whether image is public
    d - Description
    a - Architecture
    s - Size
    u - Upload date
    t - Type`,
  args: [0, -1],
  flags: {
    columns: { kind: "string", short: "c", default: "lfpdatsu", description: "Columns" },
    format: formatFlag,
  },
  async run(ctx, [first = "", ...others], flags) {
    const chosen = parseImageColumns(flags.columns);
    // In a filter `key=value` a colon is part of the value.
    const { server, name } = ctx.resolve(first.includes("=") ? "" : first);
    const filters = [first.includes("=") ? first : name, ...others].filter((filter) => filter !== "");
    const { server: filter, client } = splitFilters(filters, serverKeys);
    await ctx.list(flags.format, async () => {
      // A server of another protocol applies no filter.
      const left = server.isSimplestreams ? filters : client;
      const images = (await imagesOf(server, filter)).filter((image) => matchesImage(image, left));
      const rows = images.map((image) => chosen.map((column) => column.cell(image))).sort(compareRows);
      return { header: chosen.map((column) => column.header), rows, raw: images, shape: imageShape };
    });
  },
});
