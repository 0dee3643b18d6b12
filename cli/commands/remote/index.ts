// berth remote
import { defineCommand, type Group } from "../../command.ts";
import { remoteAddCommand } from "./add.ts";
import { remoteChangeCommands } from "./change.ts";
import { remoteListCommand } from "./list.ts";

const getDefaultCommand = defineCommand({
  name: "get-default",
  summary: "Show the default remote",
  args: [0, 0],
  run: async (ctx) => ctx.print(ctx.defaultRemote),
});

export const remoteGroup: Group = {
  name: "remote",
  summary: "Manage the list of remote servers",
  commands: [remoteAddCommand, getDefaultCommand, remoteListCommand, ...remoteChangeCommands],
};
