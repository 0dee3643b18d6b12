// berth file
import type { Group } from "../../command.ts";
import { fileCopyCommand } from "./copy.ts";
import { fileDeleteCommand } from "./delete.ts";
import { fileEditCommand } from "./edit.ts";
import { fileMountCommand } from "./mount.ts";
import { filePullCommand } from "./pull.ts";
import { filePushCommand } from "./push.ts";

export const fileGroup: Group = {
  name: "file",
  summary: "Manage files in instances",
  commands: [fileCopyCommand, fileDeleteCommand, fileEditCommand, fileMountCommand, filePullCommand, filePushCommand],
};
