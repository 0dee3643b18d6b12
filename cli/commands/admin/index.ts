// berth admin
import type { Group } from "../../command.ts";
import { adminInitCommand } from "./init.ts";
import { adminShutdownCommand } from "./shutdown.ts";
import { adminWaitreadyCommand } from "./waitready.ts";

export const adminGroup: Group = {
  name: "admin",
  summary: "Set up and watch the Berth daemon",
  commands: [adminInitCommand, adminShutdownCommand, adminWaitreadyCommand],
};
