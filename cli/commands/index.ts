// All commands.
import type { Group } from "../command.ts";
import { adminGroup } from "./admin/index.ts";
import { aliasGroup } from "./alias/index.ts";
import { authGroup } from "./auth/index.ts";
import { configGroup } from "./config/index.ts";
import { completeCommand, completionCommand } from "./docs/completion.ts";
import { manpageCommand } from "./docs/manpage.ts";
import { fileGroup } from "./file/index.ts";
import { imageGroup } from "./image/index.ts";
import { clusterCommand } from "./left-out.ts";
import { consoleCommand } from "./instance/console.ts";
import { copyCommand } from "./instance/copy.ts";
import { deleteCommand } from "./instance/delete.ts";
import { enterCommand, execCommand, shellCommand } from "./instance/exec.ts";
import { exportCommand } from "./instance/export.ts";
import { importCommand } from "./instance/import.ts";
import { infoCommand } from "./instance/info.ts";
import { initCommand, launchCommand } from "./instance/launch.ts";
import { listCommand } from "./instance/list.ts";
import { logsCommand } from "./instance/logs.ts";
import { moveCommand, renameCommand } from "./instance/move.ts";
import { publishCommand } from "./instance/publish.ts";
import { rebuildCommand } from "./instance/rebuild.ts";
import { runCommand } from "./instance/run.ts";
import { restoreCommand, snapshotCommand } from "./instance/snapshot.ts";
import { pauseCommand, restartCommand, startCommand, stopCommand } from "./instance/state.ts";
import { topCommand } from "./instance/top.ts";
import { waitCommand } from "./instance/wait.ts";
import { networkGroup } from "./network/index.ts";
import { operationGroup } from "./operation/index.ts";
import { profileGroup } from "./profile/index.ts";
import { projectGroup } from "./project/index.ts";
import { remoteGroup } from "./remote/index.ts";
import { monitorCommand } from "./server/monitor.ts";
import { queryCommand } from "./server/query.ts";
import { tuiCommand } from "./server/tui.ts";
import { versionCommand } from "./server/version.ts";
import { storageGroup } from "./storage/index.ts";
import { warningGroup } from "./warning/index.ts";

export const root: Group = {
  name: "berth",
  summary: "Command line client for Berth",
  description: `Command line client for Berth

All of Berth's features can be driven through the various commands below.
For help with any of those, simply call them with --help.`,
  commands: [
    adminGroup, aliasGroup, authGroup, clusterCommand, completeCommand, completionCommand, configGroup, consoleCommand, copyCommand, deleteCommand, enterCommand,
    execCommand, exportCommand, fileGroup, imageGroup, importCommand, infoCommand, initCommand, launchCommand, listCommand, logsCommand, manpageCommand, monitorCommand, moveCommand,
    networkGroup, operationGroup, pauseCommand, profileGroup, projectGroup, publishCommand, queryCommand, rebuildCommand, remoteGroup, renameCommand, restartCommand,
    restoreCommand, runCommand, shellCommand, snapshotCommand, startCommand, stopCommand, storageGroup, topCommand, tuiCommand, versionCommand, waitCommand, warningGroup,
    {
      name: "help", summary: "Help about any command", usage: "[command]", args: [0, -1], flags: {},
      // The program answers it before it looks for commands.
      async run() {},
    },
  ],
};
