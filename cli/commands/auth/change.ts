// berth auth identity create and edit
import type { IdentityPut } from "../../../server/api/identities.ts";
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { editDocument } from "../../edit.ts";
import { identityShape } from "../../output/shape.ts";
import { identityPutFrom } from "../../writable.ts";
import { resolveIdentity } from "./identity.ts";

export const identityCreateCommand = defineCommand({
  name: "create",
  usage: "[<remote>:]bearer/<name>",
  summary: "Create an identity",
  description: `Create an identity

An identity is known by a bearer token, which "berth auth identity token issue" prints. It may do
in its projects what its role says:
- viewer: see them
- operator: start, stop and use the instances too
- admin: everything (default)
With --unrestricted it administers the whole server.`,
  examples: `berth auth identity create bearer/ci --projects ci --role operator
    Make an identity that may use the instances of the project ci.`,
  args: [1, 1],
  flags: {
    projects: { kind: "string", description: "List of projects in which it may do something" },
    role: { kind: "string", description: "What it may do there: viewer, operator or admin" },
    unrestricted: { kind: "bool", description: "Let it administer the server" },
  },
  async run(ctx, [argument], { projects, role, unrestricted }) {
    const { server, name } = resolveIdentity(ctx, argument);
    if (unrestricted && (projects || role)) throw new CliError("--unrestricted goes without --projects and --role", { hint: "who administers the server may do everything everywhere." });
    const rights = { restricted: !unrestricted, projects: projects ? projects.split(",") : [], ...(role ? { role } : {}) };
    await server.client.createBearer({ body: { name, type: "Client token bearer", groups: [], ...rights } });
    ctx.say(`Identity "${name}" created`);
  },
});

export const identityEditCommand = defineCommand({
  name: "edit",
  usage: "[<remote>:]bearer/<name_or_identifier>",
  summary: "Edit an identity as YAML",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = resolveIdentity(ctx, argument);
    await editDocument<IdentityPut>(ctx, server, {
      read: () => server.client.getBearer({ name }),
      shape: identityShape,
      help: `### This is a YAML representation of the identity.
### Any line starting with a '# will be ignored.
###
### Note that restricted, projects and role can be changed, and nothing else`,
      parse: identityPutFrom,
      write: (body, headers) => server.client.replaceBearer({ name, body, headers }),
    });
  },
});
