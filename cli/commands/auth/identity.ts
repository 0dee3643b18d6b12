// berth auth identity list, show, info and delete
import type { Identity } from "../../../server/api/identities.ts";
import { defineCommand, formatFlag } from "../../command.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { compareRows } from "../../output/natural.ts";
import { currentIdentityShape, identityShape } from "../../output/shape.ts";
import { formatUpload } from "../../output/units.ts";
import { listedServer } from "../../remote.ts";
import type { Server } from "../../remotes/server.ts";

/** The identity that `[remote:]bearer/NAME` means. */
export function resolveIdentity(ctx: Context, argument: string | undefined): { server: Server; name: string } {
  const { server, name } = ctx.resolve(argument, "identity");
  const [, method = "", rest = ""] = /^([^/]*)\/(.*)$/.exec(name) ?? [];
  if (method !== "bearer" || rest === "") throw new CliError(`"${name}" is not an identity`, { hint: "write bearer/NAME. Certificates are managed by berth config trust." });
  return { server, name: rest };
}

export const identityListCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  usage: "[<remote>:]",
  summary: "List identities",
  args: [0, 1],
  flags: { format: formatFlag },
  async run(ctx, args, flags) {
    const server = listedServer(ctx, args);
    await ctx.list(flags.format, async () => {
      const identities = (await server.client.listBearers({ recursion: "1" })) as Identity[];
      const rows = identities.map((it) => [
        it.authentication_method, it.type, it.name, it.id, it.restricted ? it.role : "administrator", it.projects.join("\n"), it.expires_at ? formatUpload(it.expires_at) : "",
      ]);
      const header = ["AUTHENTICATION METHOD", "TYPE", "NAME", "IDENTIFIER", "ROLE", "PROJECTS", "EXPIRES AT"];
      return { header, rows: rows.sort(compareRows), raw: identities, shape: identityShape };
    });
  },
});

export const identityShowCommand = defineCommand({
  name: "show",
  usage: "[<remote>:]bearer/<name_or_identifier>",
  summary: "View an identity",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = resolveIdentity(ctx, argument);
    ctx.show(await server.client.getBearer({ name }), identityShape);
  },
});

export const identityInfoCommand = defineCommand({
  name: "info",
  usage: "[<remote>:]",
  summary: "View the current identity",
  args: [0, 1],
  async run(ctx, args) {
    const { server } = ctx.resolve(args[0]);
    ctx.show(await server.client.getCurrentIdentity(), currentIdentityShape);
  },
});

export const identityDeleteCommand = defineCommand({
  name: "delete",
  aliases: ["rm"],
  usage: "[<remote>:]bearer/<name_or_identifier>",
  summary: "Delete an identity",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = resolveIdentity(ctx, argument);
    await server.client.deleteBearer({ name });
    ctx.say(`Identity "${name}" deleted`);
  },
});
