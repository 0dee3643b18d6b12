// berth network
import type { Group } from "../../command.ts";
import { networkChangeCommands } from "./change.ts";
import { networkInfoCommand } from "./info.ts";
import { networkListCommand, networkListLeasesCommand, networkShowCommand } from "./list.ts";

export const networkGroup: Group = {
  name: "network",
  summary: "Manage networks",
  commands: [...networkChangeCommands, networkInfoCommand, networkListCommand, networkListLeasesCommand, networkShowCommand],
};
