// berth file edit
import { mkdtempSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { defineCommand } from "../../command.ts";
import { editFile } from "../../edit.ts";
import { parseGuestFile } from "./guest-files.ts";
import { pullFile } from "./pull.ts";
import { pushFile } from "./push.ts";

export const fileEditCommand = defineCommand({
  name: "edit",
  usage: "<instance>/<path>",
  summary: "Edit files in instances",
  description: `Edit files in instances

The editor is opened on a copy, which is written back when it ends. What comes from a pipe or a file replaces the content.`,
  args: [1, 1],
  async run(ctx, [argument]) {
    const file = parseGuestFile(ctx, argument ?? "", "path");
    if (ctx.hasInput) return pushFile(ctx, "-", file, undefined);
    const { tmpdir } = await import("node:os");
    const folder = mkdtempSync(join(tmpdir(), "berth_file_edit_"));
    try {
      const copy = join(folder, basename(file.path));
      await pullFile(ctx, file, copy, true);
      await editFile(copy);
      await pushFile(ctx, copy, file, undefined);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
});
