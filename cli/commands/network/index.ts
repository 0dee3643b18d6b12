// berth network
import type { Group } from "../../command.ts";
import { leftOut } from "../left-out.ts";
import { networkAclGroup } from "./acl.ts";
import { networkAttachCommands } from "./attach.ts";
import { networkChangeCommands } from "./change.ts";
import { networkForwardGroup } from "./forward.ts";
import { networkInfoCommand } from "./info.ts";
import { networkListCommand, networkListLeasesCommand, networkShowCommand } from "./list.ts";
import { networkZoneGroup } from "./zone.ts";

const networkPeerGroup = leftOut("peer", "Network peers exist between OVN networks: Berth manages bridges");

export const networkGroup: Group = {
  name: "network",
  summary: "Manage networks",
  commands: [
    networkAclGroup, ...networkAttachCommands, ...networkChangeCommands, networkForwardGroup, networkInfoCommand, networkListCommand, networkListLeasesCommand, networkPeerGroup, networkShowCommand,
    networkZoneGroup,
  ],
};
