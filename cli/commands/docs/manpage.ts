// berth manpage: a page for each command, from the same values that help is made of
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineCommand, type Entry, isGroup } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { version } from "../../version.ts";

export const manpageCommand = defineCommand({
  name: "manpage",
  usage: "<target>",
  summary: "Generate manpages for all commands",
  hidden: true,
  args: [1, 1],
  flags: { format: { kind: "string", short: "f", default: "man", description: "Format (man|md)" } },
  async run(_ctx, [target = ""], flags) {
    if (!["man", "md"].includes(flags.format)) throw new CliError(`Invalid format "${flags.format}"`, { hint: "choose man or md." });
    const [{ renderMan, renderMarkdown }, { root }] = await Promise.all([import("../../manpage.ts"), import("../index.ts")]);
    mkdirSync(target, { recursive: true });
    const [render, suffix, between] = flags.format === "man" ? [renderMan, ".1", "."] as const : [renderMarkdown, ".md", "_"] as const;
    const write = (entry: Entry, path: string[]) => {
      if (entry.hidden) return;
      writeFileSync(join(target, `${path.join(between)}${suffix}`), render(entry, path, version));
      if (isGroup(entry)) for (const child of entry.commands) write(child, [...path, child.name]);
    };
    write(root, [root.name]);
  },
});
