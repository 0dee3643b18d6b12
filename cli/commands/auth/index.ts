// berth auth
import type { Group } from "../../command.ts";
import { identityCreateCommand, identityEditCommand } from "./change.ts";
import { identityDeleteCommand, identityInfoCommand, identityListCommand, identityShowCommand } from "./identity.ts";
import { tokenIssueCommand, tokenRevokeCommand } from "./token.ts";

const tokenGroup: Group = { name: "token", summary: "Manage bearer identity tokens", commands: [tokenIssueCommand, tokenRevokeCommand] };

const identityGroup: Group = {
  name: "identity",
  summary: "Manage identities",
  commands: [identityCreateCommand, identityDeleteCommand, identityEditCommand, identityInfoCommand, identityListCommand, identityShowCommand, tokenGroup],
};

export const authGroup: Group = { name: "auth", summary: "Manage user authorization", commands: [identityGroup] };
