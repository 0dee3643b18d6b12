// berth version
import { defineCommand } from "../../command.ts";
import { version } from "../../version.ts";

export const versionCommand = defineCommand({
  name: "version",
  summary: "Show local and remote versions",
  args: [0, 1],
  async run(ctx, args) {
    const { server } = ctx.resolve(args[0]);
    ctx.print(`Client version: ${version}`);
    const { environment } = await server.client.getServer().catch(() => ({ environment: undefined }));
    ctx.print(`Server version: ${environment?.berth_version ?? environment?.server_version ?? "unreachable"}`);
  },
});
