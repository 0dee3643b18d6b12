// berth auth identity token
import { defineCommand } from "../../command.ts";
import { resolveIdentity } from "./identity.ts";

export const tokenIssueCommand = defineCommand({
  name: "issue",
  usage: "[<remote>:]bearer/<name_or_identifier>",
  summary: "Issue a token for a bearer identity",
  description: `Issue a token for a bearer identity

The token is printed this once. The one that was issued before is good no longer.`,
  examples: `berth auth identity token issue bearer/ci --expiry 30d
    Print a token, for "berth remote add NAME URL --auth-type bearer" or the header "Authorization: Bearer TOKEN".`,
  args: [1, 1],
  flags: { expiry: { kind: "string", description: "How long it is good, such as 1d 3H (S, M, H, d, w, m or y); 10 years when not given" } },
  async run(ctx, [argument], { expiry }) {
    const { server, name } = resolveIdentity(ctx, argument);
    const { token } = await server.client.issueBearerToken({ name, body: { expiry } });
    ctx.say(`Issued token for identity "${name}"`);
    ctx.print(token);
  },
});

export const tokenRevokeCommand = defineCommand({
  name: "revoke",
  usage: "[<remote>:]bearer/<name_or_identifier>",
  summary: "Revoke the current token for a bearer identity",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = resolveIdentity(ctx, argument);
    await server.client.revokeBearerToken({ name });
    ctx.say(`Revoked token for identity "${name}"`);
  },
});
