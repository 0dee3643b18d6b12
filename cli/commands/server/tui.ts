// berth tui
import { defineCommand } from "../../command.ts";

export const tuiCommand = defineCommand({
  name: "tui",
  usage: "[<remote>:]",
  summary: "Look at and manage everything in a full-screen view",
  description: `Look at and manage everything in a full-screen view

Instances, images, networks, storage, profiles and operations, as they change. Each action shows the command that does the same.
? in the view lists the keys.`,
  args: [0, 1],
  async run(ctx, [remote]) {
    const { server } = ctx.resolve(remote);
    // What draws the view knows this variable only, and draws nothing where it believes nobody looks.
    if (process.env["NO_COLOR"]) process.env["FORCE_COLOR"] = "0";
    for (const name of ["CI", "CONTINUOUS_INTEGRATION"]) delete process.env[name];
    const { runTui } = await import("../../tui/index.tsx");
    return runTui(ctx, server.remote);
  },
});
