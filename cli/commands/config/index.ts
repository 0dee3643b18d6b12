// berth config
import type { Group } from "../../command.ts";
import { instanceDeviceGroup } from "./device.ts";
import { configExplainCommand } from "./explain.ts";
import { configMetadataGroup } from "./metadata.ts";
import { configTemplateGroup } from "./template.ts";
import { configEditCommand, configShowCommand } from "./show.ts";
import { trustGroup } from "./trust.ts";
import { configGetCommand, configSetCommand, configUnsetCommand } from "./set.ts";

export const configGroup: Group = {
  name: "config",
  summary: "Manage instance and server configuration options",
  commands: [
    instanceDeviceGroup, configEditCommand, configExplainCommand, configGetCommand, configMetadataGroup, configSetCommand, configShowCommand, configTemplateGroup,
    trustGroup, configUnsetCommand,
  ],
};
